"""HTTP clients without manners."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.gateways import gateways, token

PIECE = b" " * 65_536
PIECES = 400  # 25 MiB, if anybody reads that far


@pytest.mark.parametrize("bearer", [token("ada"), "nonsense"])
async def test_a_body_without_end_is_refused_when_it_is_too_large(nats_url: str, bearer: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(PIECES):
            yield PIECE

    async with gateways(nats_url) as (gateway,), httpx.AsyncClient(base_url=gateway.address) as http:
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        answer = await http.post("/api/sessions", content=endless(), headers=headers)
        assert answer.status_code == 413
        assert answer.json()["code"] == 413
        assert (await http.get("/health")).status_code == 200
