"""The rest of the client protocol on a running gateway: what few clients send, and what none should."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect

from shared import ids
from tests.support.client import Client, ReplyError, connected
from tests.support.gateways import gateways, new_session, token
from tests.support.services import RealService

QUICK = {"ANTIPHON_PING_S": "1", "ANTIPHON_PONG_S": "1", "ANTIPHON_COMMANDS_PER_S": "0"}


@pytest.fixture
async def gateway(nats_url: str) -> AsyncIterator[RealService]:
    async with gateways(nats_url, 1, QUICK) as (one,):
        yield one


def socket_to(gateway: RealService, query: str = "", **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{gateway.port}/connection/websocket{query}", max_size=None, **options)


async def hello(socket: ClientConnection) -> None:
    await socket.send(orjson.dumps({"id": 1, "connect": {"token": token("ada")}}).decode())
    assert "connect" in orjson.loads(str(await socket.recv()).splitlines()[0])


async def code(call: Any) -> int:
    with pytest.raises(ReplyError) as refused:
        await call
    return refused.value.code


async def test_a_refresh_of_a_subscription_needs_no_channel(gateway: RealService) -> None:
    """centrifuge-python leaves it out."""
    async with connected(gateway.address, token("ada")) as ada:
        session_id = await new_session(ada)
        await ada.call("subscribe", channel=f"session:{session_id}")
        for params in ({"token": "any"}, {"token": "any", "channel": f"session:{session_id}"}, {}):
            assert await ada.call("sub_refresh", **params) == {"expires": False}
        await ada.send_message(session_id, "the subscription stands")
        await ada.event()


async def test_what_a_client_says_of_itself_and_asks_in_vain_is_passed_over(gateway: RealService) -> None:
    """Switches of the protocol that this server does not have: none of them is an error, and none has an effect."""
    async with socket_to(gateway, "?cf_protocol=json&cf_ws_frame_ping_pong=true") as socket:
        command = {"token": token("ada"), "name": "x" * 40, "version": "9", "headers": {"a": "b"}, "flag": 7}
        await socket.send(orjson.dumps({"id": 1, "connect": {**command, "subs": {"session:none": {}}}}).decode())
        result = orjson.loads(str(await socket.recv()).splitlines()[0])["connect"]
        assert set(result["subs"]) == {"user:ada"}, "subscriptions of sessions are made by `subscribe`"
        assert (result["ping"], result["pong"], result["expires"]) == (1, True, True)
    async with connected(gateway.address, token("ada")) as ada:
        session_id = await new_session(ada)
        wishes = {"delta": "fossil", "tf": {"op": "eq"}, "type": 1, "phase": 2, "cursor": "x", "limit": 5, "flag": 1}
        answer = await ada.call("subscribe", channel=f"session:{session_id}", positioned=True, **wishes)
        assert not {"delta", "id", "expires", "recovered", "publications"} & set(answer)
        assert (answer["recoverable"], answer["positioned"]) == (True, True)
        await ada.socket.send('{"send":{"data":{"nobody":"answers"}}}')
        assert await ada.rpc("session.exists", session_id=session_id) == {"exists": True}


async def test_a_position_may_leave_out_what_is_zero_or_any(gateway: RealService) -> None:
    """centrifuge-js leaves out an offset of 0 and an empty epoch; an empty one means any."""
    async with connected(gateway.address, token("ada")) as ada:
        session_id = await new_session(ada)
        seq = (await ada.send_message(session_id, "x"))["seq"]
        answer = await ada.call("subscribe", channel=f"session:{session_id}", recover=True)
        assert answer["recovered"]
        assert "offset" not in answer or answer["offset"] == 0
        assert [one["offset"] for one in answer["publications"]][-1] == seq
        await ada.call("unsubscribe", channel=f"session:{session_id}")
        above = {"recover": True, "offset": seq + 100, "epoch": answer["epoch"]}
        answer = await ada.call("subscribe", channel=f"session:{session_id}", **above)
        assert answer["was_recovering"]
        assert "recovered" not in answer, "what is above the head proves nothing"
        assert answer["offset"] == seq


async def test_each_refusal_has_its_code(gateway: RealService) -> None:
    async with connected(gateway.address, token("ada")) as ada, connected(gateway.address, token("eve")) as eve:
        session_id = await new_session(ada)
        channel = f"session:{session_id}"
        refusals: list[tuple[Client, str, dict[str, Any], int]] = [
            (ada, "connect", {"token": token("ada")}, 107), (ada, "subscribe", {}, 102),
            (ada, "subscribe", {"channel": channel, "offset": -1}, 107), (ada, "subscribe", {"channel": 5}, 107),
            (ada, "subscribe", {"channel": "user:ada"}, 105), (ada, "subscribe", {"channel": "user:eve"}, 103),
            (ada, "subscribe", {"channel": "session:a.b"}, 102), (ada, "subscribe", {"channel": "session:>"}, 102),
            (ada, "history", {"channel": channel, "limit": -2}, 107), (ada, "history", {"channel": "x"}, 102),
            (ada, "history", {"channel": channel, "limit": 1, "since": {"offset": 1, "epoch": "x"}}, 112),
            (ada, "publish", {"channel": channel, "data": 5}, 103), (ada, "publish", {"channel": "user:ada"}, 102),
            (ada, "rpc", {"method": ""}, 104), (ada, "rpc", {"method": "x" * 10_000}, 104), (ada, "rpc", {}, 104),
            (ada, "rpc", {"method": "message.send", "data": []}, 107), (ada, "refresh", {"token": ""}, 101),
            (ada, "refresh", {"token": token("ada", -9)}, 109), (ada, "refresh", {"token": token("eve")}, 101),
            (eve, "subscribe", {"channel": channel}, 404), (eve, "presence", {"channel": channel}, 404),
            (eve, "presence_stats", {"channel": channel}, 404), (eve, "history", {"channel": channel}, 404),
            (eve, "publish", {"channel": channel, "data": {"id": ids.uuid7(), "content": "x"}}, 404),
        ]  # fmt: skip
        for one, command, params, expected in refusals:
            assert (command, params, await code(one.call(command, **params))) == (command, params, expected)
        assert await ada.call("unsubscribe", channel="session:never") == {}
        await ada.call("subscribe", channel=channel)
        assert await code(ada.call("subscribe", channel=channel)) == 105


async def test_an_unknown_command_is_an_error_and_the_connection_goes_on(gateway: RealService) -> None:
    async with socket_to(gateway) as socket:
        await hello(socket)
        await socket.send('{"id":2,"dance":{}}\n{"id":3}\n{"id":4,"history":{"channel":"session:none"}}')
        replies = []
        while len(replies) < 3:
            replies += [orjson.loads(line) for line in str(await socket.recv()).splitlines() if line != "{}"]
        assert {one["id"]: one["error"]["code"] for one in replies} == {2: 104, 3: 104, 4: 404}


async def test_pings_go_on_while_a_connection_is_busy(gateway: RealService) -> None:
    """centrifuge-python takes a busy connection without pings for dead."""
    async with socket_to(gateway) as socket, connected(gateway.address, token("ada")) as ada:
        session_id = await new_session(ada)
        await hello(socket)
        await socket.send(orjson.dumps({"id": 2, "subscribe": {"channel": f"session:{session_id}"}}).decode())
        loop = asyncio.get_running_loop()
        ends_at, pings, pushes = loop.time() + 3.2, 0, 0
        while loop.time() < ends_at:
            await ada.send_message(session_id, "busy")
            for line in str(await socket.recv()).splitlines():
                if line == "{}":
                    pings += 1
                    await socket.send("{}")
                pushes += '"push"' in line
        assert pings >= 2
        assert pushes > pings


async def test_two_pongs_for_one_ping_end_the_connection(gateway: RealService) -> None:
    async with socket_to(gateway) as socket:
        await hello(socket)
        while await socket.recv() != "{}":
            pass
        await socket.send("{}\n{}")
        async with asyncio.timeout(10):
            await socket.wait_closed()
        assert (socket.close_code, socket.close_reason) == (3501, "bad request")
