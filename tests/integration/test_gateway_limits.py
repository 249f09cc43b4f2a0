"""How often somebody may say that they are writing, how late a guest may come back, and what is counted per gateway."""

import asyncio

import httpx
import pytest

from shared import auth
from tests.support.client import ReplyError, connected
from tests.support.gateways import gateways, new_session, talking, token
from tests.support.services import SECRET


async def test_typing_is_said_ten_times_a_second_at_most(nats_url: str) -> None:
    async with gateways(nats_url) as one, talking(one, "ada", "ada") as (ada, elsewhere):
        session_id = await new_session(ada)
        calls = (ada.rpc("typing", session_id=session_id) for _ in range(30))
        results = await asyncio.gather(*calls, return_exceptions=True)
        refused = [result for result in results if isinstance(result, ReplyError)]
        assert 15 <= len(refused) <= 20
        assert {(error.code, error.temporary) for error in refused} == {(111, True)}
        await ada.send_message(session_id, "writing goes on")
        await elsewhere.rpc("typing", session_id=session_id)  # the limit is a connection's


async def test_a_guest_whose_token_has_just_expired_stays_the_same_guest(nats_url: str) -> None:
    async with (
        gateways(nats_url, 1, {"ANTIPHON_GUEST_GRACE_S": "60"}) as (one,),
        httpx.AsyncClient(base_url=one.address) as http,
    ):

        async def refreshed(expired_s: int, *, guest: bool) -> httpx.Response:
            expired = auth.mint(SECRET, "guest-1", "Gus", ttl_s=-expired_s, guest=guest)
            return await http.post("/api/auth/refresh", headers={"Authorization": f"Bearer {expired}"})

        answer = await refreshed(30, guest=True)
        assert answer.status_code == 200
        identity = auth.verify(SECRET, answer.json()["token"])
        assert (identity.user, identity.name, identity.guest) == ("guest-1", "Gus", True)
        async with connected(one.address, answer.json()["token"]) as gus:
            assert gus.hello["data"]["user"] == "guest-1"
        for expired_s, guest in ((90, True), (30, False)):
            assert (await refreshed(expired_s, guest=guest)).status_code == 401
        expired = auth.mint(SECRET, "guest-1", ttl_s=-30, guest=True)
        headers = {"Authorization": f"Bearer {expired}"}
        assert (await http.get("/api/sessions", headers=headers)).status_code == 401, "it is good for a new one alone"


async def test_connections_of_a_user_are_counted_per_gateway(nats_url: str) -> None:
    settings = {"ANTIPHON_CONNECTIONS_PER_USER": "1"}
    async with gateways(nats_url, 2, settings) as two, talking(two, "ada", "ada"):
        for one in two:
            with pytest.raises(ConnectionError, match="3504"):
                async with connected(one.address, token("ada")):
                    raise AssertionError("one too many")
