"""The client protocol on running gateways, without PostgreSQL: the hot path needs none."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect

from shared import ids
from tests.support.client import ReplyError, connected
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, token
from tests.support.services import RealService

QUICK = {"ANTIPHON_PING_S": "1", "ANTIPHON_PONG_S": "1", "ANTIPHON_TOKEN_GRACE_S": "0", "ANTIPHON_CONNECT_S": "1"}


@pytest.fixture
async def pair(nats_url: str) -> AsyncIterator[list[RealService]]:
    async with gateways(nats_url, 2) as two:
        yield two


@pytest.fixture
async def quick(nats_url: str) -> AsyncIterator[RealService]:
    limits = {"ANTIPHON_CHANNELS_PER_CONNECTION": "1", "ANTIPHON_CONNECTIONS_PER_USER": "2"}
    async with gateways(nats_url, 1, QUICK | limits) as (one,):
        yield one


def socket_to(gateway: RealService) -> connect:
    return connect(f"ws://127.0.0.1:{gateway.port}/connection/websocket", compression=None, max_size=None)


async def ending(socket: ClientConnection) -> tuple[int | None, str | None]:
    """The close code and reason; what comes before is passed over."""
    async with asyncio.timeout(10):
        await socket.wait_closed()
    return socket.close_code, socket.close_reason


async def test_both_gateways_deliver_one_order_with_the_same_offsets(pair: list[RealService]) -> None:
    async with connected(pair[0].address, token("ada")) as ada, connected(pair[1].address, token("bob")) as bob:
        session_id = await new_session(ada, bob)
        for one in (ada, bob):
            await one.call("subscribe", channel=f"session:{session_id}")
        sent = [
            one.send_message(session_id, f"{name} {number}")
            for number in range(20)
            for name, one in (("ada", ada), ("bob", bob))
        ]
        answers = await asyncio.gather(*sent)
        seen = [[await one.event() for _ in sent] for one in (ada, bob)]
        offsets = [[event["offset"] for event in events] for events in seen]
        assert offsets[0] == offsets[1] == sorted(answer["seq"] for answer in answers)
        assert [event["data"] for event in seen[0]] == [event["data"] for event in seen[1]]
        assert [event["tags"]["prev"] for event in seen[0][1:]] == [str(offset) for offset in offsets[0][:-1]]


async def test_commands_of_one_frame_take_effect_in_order(pair: list[RealService]) -> None:
    session_id, message_id = ids.uuid7(), ids.uuid7()
    channel = f"session:{session_id}"
    commands: list[dict[str, Any]] = [
        {"connect": {"token": token("ada")}},
        {"rpc": {"method": "session.create", "data": {"id": ids.uuid7(), "session_id": session_id}}},
        {"subscribe": {"channel": channel}},
        {"publish": {"channel": channel, "data": {"id": message_id, "content": "first"}}},
        {"publish": {"channel": channel, "data": {"id": ids.uuid7(), "content": "second"}}},
        {"history": {"channel": channel, "limit": -1}},
        {"unsubscribe": {"channel": channel}},
        {"presence": {"channel": "session:none"}},
    ]
    frame = b"\n".join(orjson.dumps({"id": number, **command}) for number, command in enumerate(commands, 1))
    async with socket_to(pair[0]) as socket:
        await socket.send(frame.decode())
        replies: dict[int, dict[str, Any]] = {}
        while len(replies) < len(commands):
            for line in str(await socket.recv()).splitlines():
                if "id" in (reply := orjson.loads(line)):
                    replies[reply["id"]] = reply
    contents = [publication["data"]["data"].get("content") for publication in replies[6]["history"]["publications"]]
    assert contents[-2:] == ["first", "second"]
    assert replies[8]["error"]["code"] == 404


async def test_a_client_recovers_on_the_other_gateway(pair: list[RealService]) -> None:
    async with connected(pair[0].address, token("ada")) as ada:
        session_id = await new_session(ada)
        channel = f"session:{session_id}"
        first = await ada.call("subscribe", channel=channel)
        sent = [(await ada.send_message(session_id, f"{number}"))["seq"] for number in range(5)]
        async with connected(pair[1].address, token("ada")) as again:
            position = {"epoch": first["epoch"], "offset": sent[1]}
            back = await again.call("subscribe", channel=channel, recover=True, **position)
            assert back["recovered"]
            assert back["was_recovering"]
            assert back["offset"] == sent[1]
            assert [publication["offset"] for publication in back["publications"]] == sent[2:]
        async with connected(pair[1].address, token("ada")) as lost:
            fresh = await lost.call("subscribe", channel=channel, recover=True, epoch="another", offset=2)
            assert fresh["was_recovering"]
            assert "recovered" not in fresh
            assert fresh["data"]["at"] == fresh["offset"] == sent[-1]
            await lost.call("unsubscribe", channel=channel)
            with pytest.raises(ReplyError, match="112"):
                await lost.call("subscribe", channel=channel, recover=True, epoch="another", offset=2, flag=2)


async def test_history_goes_both_ways(pair: list[RealService]) -> None:
    async with connected(pair[0].address, token("ada")) as ada:
        session_id = await new_session(ada)
        channel = f"session:{session_id}"
        seqs = [(await ada.send_message(session_id, f"{number}"))["seq"] for number in range(6)]

        async def offsets(**request: Any) -> list[int]:
            return [one["offset"] for one in (await ada.call("history", channel=channel, **request))["publications"]]

        position = await ada.call("history", channel=channel)
        assert (position["offset"], position["publications"]) == (seqs[-1], [])
        assert await offsets(limit=2, since={"offset": seqs[1], "epoch": position["epoch"]}) == seqs[2:4]
        assert await offsets(limit=2, reverse=True) == seqs[:-3:-1]
        assert await offsets(limit=2, reverse=True, since={"offset": seqs[3], "epoch": ""}) == [seqs[2], seqs[1]]
        with pytest.raises(ReplyError, match="112"):
            await offsets(limit=1, since={"offset": 1, "epoch": "another"})


async def test_presence_spans_gateways_and_forgets_a_dead_one(pair: list[RealService]) -> None:
    async with connected(pair[0].address, token("ada")) as ada, connected(pair[1].address, token("bob")) as bob:
        session_id = await new_session(ada, bob)
        channel = f"session:{session_id}"
        for one in (ada, bob):
            await one.call("subscribe", channel=channel)

        async def users() -> list[str]:
            present = (await ada.call("presence", channel=channel))["presence"]
            return sorted(one["user"] for one in present.values())

        await eventually(lambda: _equal(users(), ["ada", "bob"]))
        assert await ada.call("presence_stats", channel=channel) == {"num_clients": 2, "num_users": 2}
        pair[1].kill()
        await eventually(lambda: _equal(users(), ["ada"]), timeout_s=15)


async def _equal(found: Any, wanted: Any) -> bool:
    return bool(await found == wanted)


async def test_leaving_ends_the_subscription_on_an_open_socket(pair: list[RealService]) -> None:
    async with connected(pair[0].address, token("ada")) as ada, connected(pair[1].address, token("bob")) as bob:
        session_id = await new_session(ada, bob)
        await bob.call("subscribe", channel=f"session:{session_id}")
        await bob.rpc("session.leave", id=ids.uuid7(), session_id=session_id)
        while "unsubscribe" not in (push := await asyncio.wait_for(bob.pushes.get(), 5)):
            pass
        assert push["unsubscribe"] == {"code": 2000, "reason": "server unsubscribe"}
        with pytest.raises(ReplyError, match="404"):
            await bob.call("subscribe", channel=f"session:{session_id}")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ('{"id":1,"rpc":{"method":"session.list"}}', 3501),
        ("{}", 3501),
        ("hello", 3501),
        ('{"id":0,"connect":{}}', 3501),
        ('{"id":1,"connect":{}}', 3500),
        ('{"id":1,"connect":{"token":"forged"}}', 3500),
        ("", 3502),
    ],
)
async def test_a_wrong_start_ends_with_a_final_code_and_a_reason(quick: RealService, sent: str, code: int) -> None:
    async with socket_to(quick) as socket:
        if sent:
            await socket.send(sent)
        found, reason = await ending(socket)
        assert found == code
        assert reason
        assert not reason.startswith(("{", "1"))


async def test_an_expired_token_is_an_error_and_what_came_with_it_is_passed_over(quick: RealService) -> None:
    async with socket_to(quick) as socket:
        expired = {"id": 1, "connect": {"token": token("ada", ttl_s=-5)}}
        await socket.send(f'{orjson.dumps(expired).decode()}\n{{"id":2,"subscribe":{{"channel":"session:a"}}}}')
        assert orjson.loads(await socket.recv())["error"]["code"] == 109


async def test_a_client_that_answers_no_ping_is_closed_with_3012(quick: RealService) -> None:
    async with socket_to(quick) as socket:
        await socket.send(orjson.dumps({"id": 1, "connect": {"token": token("ada")}}).decode())
        assert await ending(socket) == (3012, "no pong")


async def test_a_token_must_be_refreshed_before_its_end(quick: RealService) -> None:
    async with connected(quick.address, token("ada", ttl_s=2)) as ada, connected(quick.address, token("bob", 2)) as bob:
        assert 1 <= ada.hello["ttl"] <= 2
        assert (await ada.call("refresh", token=token("ada")))["ttl"] > 1000
        with pytest.raises(ReplyError, match="101"):
            await ada.call("refresh", token=token("mallory"))
        assert await ending(bob.socket) == (3005, "connection expired")
        assert await ada.rpc("session.exists", session_id="none") == {"exists": False}


async def test_limits_of_channels_connections_and_commands(quick: RealService) -> None:
    async with connected(quick.address, token("ada")) as ada, connected(quick.address, token("ada")):
        first, second = await new_session(ada), await new_session(ada)
        await ada.call("subscribe", channel=f"session:{first}")
        with pytest.raises(ReplyError, match="105"):
            await ada.call("subscribe", channel=f"session:{first}")
        with pytest.raises(ReplyError, match="106"):
            await ada.call("subscribe", channel=f"session:{second}")
        with pytest.raises(ReplyError, match="103"):
            await ada.call("subscribe", channel="user:bob")
        with pytest.raises(ReplyError, match="102"):
            await ada.call("subscribe", channel="elsewhere")
        async with socket_to(quick) as third:
            await third.send(orjson.dumps({"id": 1, "connect": {"token": token("ada")}}).decode())
            assert (await ending(third))[0] == 3504
        results = await asyncio.gather(
            *(ada.rpc("session.exists", session_id="x") for _ in range(150)), return_exceptions=True
        )
        refused = [result for result in results if isinstance(result, ReplyError)]
        assert 30 < len(refused) < 60
        assert {(error.code, error.temporary) for error in refused} == {(111, True)}


async def test_a_publish_without_an_id_is_refused_and_with_one_is_safe_to_repeat(quick: RealService) -> None:
    async with connected(quick.address, token("ada")) as ada:
        session_id = await new_session(ada)
        channel = f"session:{session_id}"
        with pytest.raises(ReplyError, match="103"):
            await ada.call("publish", channel=channel, data={"content": "x"})
        data = {"id": ids.uuid7(), "content": "once"}
        assert await ada.call("publish", channel=channel, data=data) == {}
        again = await ada.rpc("message.send", session_id=session_id, **data)
        assert again["duplicate"]
        with pytest.raises(ReplyError, match=r"107.*content"):
            await ada.rpc("message.send", session_id=session_id, id=ids.uuid7(), content="")
        with pytest.raises(ReplyError, match="104"):
            await ada.rpc("session.dance")
