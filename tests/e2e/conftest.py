"""Fixtures of the tests that look at the page: one real browser for each file of them."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest_asyncio

from tests.e2e.page import chromium

if TYPE_CHECKING:
    from playwright.async_api import Browser


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="browser")
async def _browser() -> AsyncIterator["Browser"]:
    async with chromium() as running:
        yield running
