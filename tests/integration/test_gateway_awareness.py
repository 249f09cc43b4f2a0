"""What clients say of themselves: heard at once everywhere, found by who comes later, gone with its client."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.support.client import Client, ReplyError
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, talking, token
from tests.support.servers import NatsServer

UNLIMITED = {"ANTIPHON_COMMANDS_PER_S": "0"}


async def entered(client: Client, session_id: str) -> dict[str, Any]:
    """What the snapshot of a new subscription says that the others said."""
    answer = await client.call("subscribe", channel=f"session:{session_id}")
    found: dict[str, Any] = answer["data"]["awareness"]
    return found


async def found(client: Client, session_id: str) -> dict[str, Any]:
    """The same, entered anew."""
    await client.call("unsubscribe", channel=f"session:{session_id}")
    return await entered(client, session_id)


async def heard(client: Client) -> dict[str, Any]:
    """The next that somebody says of themselves."""
    while (publication := await client.publication())["data"]["type"] != "awareness":
        pass
    assert "offset" not in publication
    said: dict[str, Any] = publication["data"]
    return said


async def test_it_is_heard_on_every_gateway_and_found_by_who_comes_later(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "bob", "cyd", "dan") as (ada, bob, cyd, dan):
        session_id = await new_session(ada, bob, cyd, dan)
        for one in (ada, bob):
            assert await entered(one, session_id) == {}
        cursor = {"line": 3, "marks": [None, "ä", 1.5]}
        for number in range(5):
            await ada.rpc("awareness", session_id=session_id, data=number)
        await ada.rpc("awareness", session_id=session_id, data=cursor)
        said = {"type": "awareness", "client": ada.hello["client"], "user": "ada", "name": "ada"}
        for one in (ada, bob):
            assert [await heard(one) for _ in range(6)] == [said | {"data": data} for data in (*range(5), cursor)]
        await bob.rpc("awareness", session_id=session_id, data="here")
        kept = {ada.hello["client"]: {"user": "ada", "name": "ada", "data": cursor}}
        kept[bob.hello["client"]] = {"user": "bob", "name": "bob", "data": "here"}
        for one in (cyd, dan):  # each on another gateway
            assert await entered(one, session_id) == kept
        async with httpx.AsyncClient(base_url=two[0].address) as http:
            headers = {"Authorization": f"Bearer {token('ada')}"}
            assert (await http.get(f"/api/sessions/{session_id}", headers=headers)).json()["awareness"] == kept
        await bob.rpc("awareness", session_id=session_id, data=None)
        assert [(await heard(cyd))["data"] for _ in range(1)] == [None]
        await ada.call("unsubscribe", channel=f"session:{session_id}")
        gone = await heard(dan), await heard(dan)
        assert [(one["client"], one["data"]) for one in gone] == [(one.hello["client"], None) for one in (bob, ada)]
        assert await found(dan, session_id) == {}


async def test_the_last_word_of_a_killed_gateways_clients_is_gone_and_the_others_is_kept(nats_url: str) -> None:
    async with gateways(nats_url, 2, UNLIMITED) as two, talking(two, "ada", "bob", "cyd") as (ada, bob, cyd):
        session_id = await new_session(ada, bob, cyd)
        for one in (ada, bob):
            await entered(one, session_id)
            await one.rpc("awareness", session_id=session_id, data=one.hello["data"]["user"])
        assert set(await entered(cyd, session_id)) == {ada.hello["client"], bob.hello["client"]}
        two[1].kill()

        async def one_is_left() -> bool:
            return set(await found(cyd, session_id)) == {ada.hello["client"]}

        await eventually(lambda: one_is_left(), timeout_s=20)


async def test_it_is_said_again_to_a_server_that_was_killed(nats_server: NatsServer) -> None:
    async with gateways(nats_server.url, 2, UNLIMITED) as two, talking(two, "ada", "bob") as (ada, bob):
        session_id = await new_session(ada, bob)
        await entered(ada, session_id)
        await ada.rpc("awareness", session_id=session_id, data="before")
        assert set(await entered(bob, session_id)) == {ada.hello["client"]}
        async with nats_server.killed():
            pass

        async def is_back() -> bool:
            try:
                known = await found(bob, session_id)
            except ReplyError:
                return False
            return [one["data"] for one in known.values()] == ["before"]

        await eventually(lambda: is_back(), timeout_s=20)
        await ada.rpc("awareness", session_id=session_id, data="after")
        assert (await heard(bob))["data"] == "after"


async def test_it_is_small_seldom_and_for_participants(nats_url: str) -> None:
    async with gateways(nats_url) as one, talking(one, "ada", "eve") as (ada, eve):
        session_id = await new_session(ada)
        for data, code in (("x" * 1023, 413), (None, 0), ("x" * 1022, 0)):
            if code:
                with pytest.raises(ReplyError, match=str(code)):
                    await ada.rpc("awareness", session_id=session_id, data=data)
            else:
                await ada.rpc("awareness", session_id=session_id, data=data)
        assert await entered(ada, session_id) == {}, "who is not there leaves nothing behind"
        nested = b'{"id":77,"rpc":{"method":"awareness","data":{"session_id":"%b","data":%b}}}'
        await ada.socket.send(nested % (session_id.encode(), b"[" * 400 + b"]" * 400), text=True)
        with pytest.raises(ReplyError, match="404"):
            await eve.rpc("awareness", session_id=session_id, data=1)
        calls = (ada.rpc("awareness", session_id=session_id, data=number) for number in range(30))
        results = await asyncio.gather(*calls, return_exceptions=True)
        refused = [result for result in results if isinstance(result, ReplyError)]
        assert 15 <= len(refused) <= 24
        assert {(error.code, error.temporary) for error in refused} == {(111, True)}
        await ada.send_message(session_id, "writing goes on")
        assert "Traceback" not in one[0].log
