"""Where the systems of these tests keep their data: outside of pytest's own directory, whose permissions it resets."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.system import System, whole_system


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory of this test's own that the account of PostgreSQL can reach."""
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        yield Path(name) / "data"


@pytest.fixture
async def system(data_dir: Path) -> AsyncIterator[System]:
    """The whole system as `antiphon up` runs it."""
    async with whole_system(data_dir) as running:
        yield running
