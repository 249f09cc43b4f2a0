"""HTTP as a client of the API uses it: a token, and an `Idempotency-Key` with everything that writes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from shared import auth, ids
from tests.support.services import SECRET, RealService


@asynccontextmanager
async def web(
    gateway: RealService, user: str, *, operator: bool = False, timeout_s: float = 20.0, **claims: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of one gateway as `user`."""
    headers = {"Authorization": f"Bearer {auth.mint(SECRET, user, operator=operator, **claims)}"}
    async with httpx.AsyncClient(base_url=gateway.address, headers=headers, timeout=timeout_s) as client:
        yield client


async def write(http: httpx.AsyncClient, method: str, path: str, body: Any = None, key: str = "") -> httpx.Response:
    """The answer to a write, under a new key unless one is given."""
    headers = {"Idempotency-Key": key or ids.uuid7()}
    return await http.request(method, path, json=body, headers=headers)


def problem(answer: httpx.Response) -> tuple[int, int]:
    """Status and code of a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert answer.json()["status"] == answer.status_code
    assert answer.json()["title"]
    return answer.status_code, answer.json()["code"]
