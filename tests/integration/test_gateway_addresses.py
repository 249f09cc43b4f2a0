"""A gateway that knows where all of them are reached: whom it tells, and whose pages may call it."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from services.gateway.settings import GatewaySettings
from tests.support.client import connected
from tests.support.gateways import gateways, token
from tests.support.services import RealService

ALL = {"ANTIPHON_PUBLIC_ADDRESSES": "http://*:8000, http://*:8001"}
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture
async def gateway(nats_url: str) -> AsyncIterator[RealService]:
    async with gateways(nats_url, 1, ALL) as (one,):
        yield one


async def told(gateway: RealService, came_by: str, origin: str | None = None) -> list[str]:
    """Where a client that came by this address may go on."""
    there = {"host": "127.0.0.1", "port": gateway.port}
    async with connected(f"http://{came_by}", token("ada"), origin=origin, **there) as client:
        found: list[str] = client.hello["data"]["gateways"]
        return found


async def test_who_came_by_a_gateways_own_address_is_told_the_others(gateway: RealService) -> None:
    assert await told(gateway, "localhost:8000") == ["http://localhost:8000", "http://localhost:8001"]
    assert await told(gateway, "chat.example") == [], "a balancer's address: there is nothing else to try"
    assert await told(gateway, "localhost:8001", "http://localhost:8000") == await told(gateway, "localhost:8000")
    for foreign in ("http://localhost:8002", "http://evil.example:8000"):
        with pytest.raises(InvalidStatus, match="403"):
            await told(gateway, "localhost:8001", foreign)


async def test_pages_of_the_other_gateways_may_call_and_no_others(gateway: RealService) -> None:
    async with httpx.AsyncClient(base_url=gateway.address, headers={"Host": "localhost:8001"}) as http:
        page = {"Origin": "http://localhost:8000"}
        preflight = await http.options("/api/sessions", headers=page | PREFLIGHT)
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, page["Origin"])
        guest = await http.post("/api/auth/guest", headers=page)
        assert (guest.status_code, guest.headers["access-control-allow-origin"]) == (200, page["Origin"])
        for foreign in ("http://evil.example:8000", "http://127.0.0.1:8000", "https://localhost:8000"):
            refused = await http.post("/api/auth/guest", headers={"Origin": foreign})
            assert refused.status_code == 403
            assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    ("host", "may_call"),
    [
        (
            "localhost:8000",
            ["'self'", *(f"{how}://localhost:{port}" for how in ("http", "ws", "wss") for port in (8000,))],
        ),
        ("chat.example", ["'self'", "ws://chat.example", "wss://chat.example"]),
        ("a;script-src *:8000", ["'self'"]),
    ],
)
async def test_the_page_may_call_its_own_gateway_and_the_others_only(
    host: str, may_call: list[str], gateway: RealService
) -> None:
    async with httpx.AsyncClient(base_url=gateway.address, headers={"Host": host}) as http:
        policy = (await http.get("/icon.svg")).headers["content-security-policy"]
    found = re.search(r"connect-src ([^;]*);", policy)
    assert found is not None
    more = ["http://localhost:8001", "ws://localhost:8001"] if "localhost" in host else []
    assert sorted(found[1].split()) == sorted([*may_call, *more])
    assert "script-src 'self';" in policy


def test_an_address_that_is_none_ends_the_gateway_at_its_start() -> None:
    with pytest.raises(ValueError, match="is no address"):
        GatewaySettings(secret="x" * 32, public_addresses="chat.example")  # type: ignore[arg-type]
