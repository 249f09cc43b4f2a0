"""A limit of 0 is no limit."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest

from services.gateway.settings import GatewaySettings
from shared import ids
from tests.support.client import connected
from tests.support.gateways import gateways, new_session, token
from tests.support.services import SECRET

LIMITS = {
    "FRAME_BYTES": 262_144, "CHANNELS_PER_CONNECTION": 128, "CONNECTIONS_PER_USER": 64, "COMMANDS_PER_S": 50,
    "GUESTS_PER_MINUTE": 60, "TYPING_PER_S": 10, "AWARENESS_PER_S": 10,
}  # fmt: skip


@pytest.mark.parametrize(("name", "default"), LIMITS.items())
def test_each_limit_is_a_setting_with_its_default(name: str, default: float) -> None:
    assert getattr(GatewaySettings(secret=SECRET), name.lower()) == default  # type: ignore[arg-type]


async def test_zero_lifts_every_limit(nats_url: str) -> None:
    lifted = {f"ANTIPHON_{name}": "0" for name in (*LIMITS, "REQUEST_S")}
    async with gateways(nats_url, 1, lifted) as (one,), connected(one.address, token("ada")) as ada:
        assert {ada.hello["data"]["limits"][name.lower()] for name in list(LIMITS)[:2]} == {0}
        creates = (ada.rpc("session.create", id=ids.uuid7()) for _ in range(130))
        sessions = [each["session_id"] for each in await asyncio.gather(*creates)]
        await asyncio.gather(*(ada.call("subscribe", channel=f"session:{each}") for each in sessions))
        long = {"session_id": sessions[0], "unknown": "x" * 600_000}
        assert await ada.rpc("session.exists", **long) == {"exists": True}
        for method in ("typing", "awareness"):
            await asyncio.gather(*(ada.rpc(method, session_id=sessions[0], data=number) for number in range(150)))
        async with AsyncExitStack() as many:
            for _ in range(66):
                await many.enter_async_context(connected(one.address, token("ada")))
            assert await ada.rpc("session.exists", session_id="none") == {"exists": False}
        async with httpx.AsyncClient(base_url=one.address) as http:
            answers = await asyncio.gather(*(http.post("/api/auth/guest") for _ in range(70)))
            assert {answer.status_code for answer in answers} == {200}
            key = {"Idempotency-Key": ids.uuid7(), "Authorization": f"Bearer {token('ada')}"}
            body = {"title": "large", "unknown": "x" * 600_000}
            assert (await http.post("/api/sessions", json=body, headers=key)).status_code == 201
        await new_session(ada)
