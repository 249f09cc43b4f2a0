"""What the official SDKs do with each way in which the server ends something, or asks for another try."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import orjson
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from services.gateway import closing
from services.gateway.closing import Close, Unsubscribe
from shared import auth, errors, ids, subjects
from shared.bus import connection, streams
from tests.sdk.balancer import balancer
from tests.sdk.client import Refused, SdkClient, sdk
from tests.sdk.conftest import Person, url
from tests.support.eventually import eventually
from tests.support.gateways import EPOCH, gateways, token
from tests.support.services import SECRET, RealService
from tests.support.system import System

CLOSES = [value for value in vars(closing).values() if isinstance(value, Close) and value.code >= 3000]


def address(gateway: RealService) -> str:
    return f"ws://127.0.0.1:{gateway.port}/connection/websocket"


async def test_each_close_code_means_to_an_sdk_what_it_is_meant_to(client: SdkClient) -> None:
    """Each code that the gateway has, with its reason, said by a server that does nothing else."""
    visits: list[Close] = []

    async def say(socket: ServerConnection) -> None:
        visits.append(why)
        with suppress(ConnectionError):
            command = orjson.loads(str(await socket.recv()).splitlines()[0])
            hello = {"id": command["id"], "connect": {"client": ids.uuid7(), "version": "x", "ping": 25, "pong": True}}
            await socket.send(orjson.dumps(hello).decode())
            await socket.close(why.code, why.reason)

    async with serve(say, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for why in CLOSES:
            visits.clear()
            client.events.clear()
            await client.connected(url=f"ws://127.0.0.1:{port}", token="any")
            if 3500 <= why.code < 4000:
                assert (await client.event("disconnected"))["code"] == why.code
                assert len(visits) == 1
            else:
                await eventually(lambda: len(visits) > 1)
                assert not client.seen("disconnected")
                await client.do("close")
    assert {why.code for why in CLOSES} >= {3001, 3005, 3008, 3012, 3500, 3501, 3502, 3504}


ENDS = [value for value in vars(closing).values() if isinstance(value, Unsubscribe)]


async def test_each_unsubscribe_code_means_to_an_sdk_what_it_is_meant_to(client: SdkClient) -> None:
    """Said once by a server that does nothing else, to a subscription that is at 7 of epoch `e`."""
    asked: list[dict[str, Any]] = []

    async def say(socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for frame in socket:
                for command in map(orjson.loads, str(frame).splitlines()):
                    answer: dict[str, Any] = {"client": ids.uuid7(), "version": "x", "ping": 25, "pong": True}
                    if "subscribe" in command:
                        asked.append(command["subscribe"])
                        answer = {"recoverable": True, "positioned": True, "epoch": "e", "offset": 7}
                    name = next(key for key in command if key != "id")
                    await socket.send(orjson.dumps({"id": command.get("id", 0), name: answer}).decode())
                    if "subscribe" in command and len(asked) == 1:
                        push = {"channel": "session:a", "unsubscribe": {"code": why.code, "reason": why.reason}}
                        await socket.send(orjson.dumps({"push": push}).decode())

    async with serve(say, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for why in ENDS:
            asked.clear()
            client.events.clear()
            await client.connected(url=f"ws://127.0.0.1:{port}", token="any")
            await client.do("subscribe", channel="session:a")
            if why.code < 2500:
                assert (await client.event("unsubscribed"))["code"] == why.code
                assert len(asked) == 1, "it does not come back"
            else:
                await eventually(lambda: len(asked) == 2)
                recovers = asked[1].get("recover", False), asked[1].get("offset", 0), asked[1].get("epoch", "")
                keeps = {2500: (True, 7, "e"), 2502: (True, 0, "_")}[why.code]  # `_` is the epoch of no log
                assert recovers == keeps, why
            await client.do("close")
    assert {why.code for why in ENDS} == {2000, 2500, 2502}


async def test_a_removed_participant_is_unsubscribed_for_good(one_system: System, ada: Person, kind: str) -> None:
    invited = await ada.client.write("session.invite", session_id=ada.session_id)
    async with sdk(kind) as bob:
        user = f"bob-{ids.uuid7()}"
        await bob.connected(url=url(one_system, 2), token=one_system.token(user))
        await bob.write("session.join", invite=invited["invite"])
        await bob.subscribed(ada.session_id)
        await ada.client.write("session.remove", session_id=ada.session_id, user=user)
        assert (await bob.event("unsubscribed"))["code"] == 2000
        again = await bob.write("session.create", title="the connection stays")
        assert again["seq"]
        assert len(bob.seen("subscribing")) == 1, "it does not come back by itself"
        assert not bob.seen("disconnected")


async def test_errors_are_told_apart_by_whether_to_try_again(ada: Person) -> None:
    async def code(method: str, **data: object) -> tuple[int, bool]:
        with pytest.raises(Refused) as refused:
            await ada.client.rpc(method, **data)
        return refused.value.code, refused.value.temporary

    post = {"session_id": ada.session_id, "content": "x"}
    assert await code("session.dance") == (104, False)
    assert await code("message.send", **post) == (107, False)
    assert await code("message.send", **post | {"id": ids.uuid7(), "session_id": "none"}) == (404, False)
    assert await code("message.send", **post | {"id": ids.uuid7(4_000_000_000_000)}) == (422, False)
    for channel, refusal in (("elsewhere", 102), ("user:somebody", 103), ("session:none", 404)):
        await ada.client.do("subscribe", channel=channel)
        assert (await ada.client.event("unsubscribed", channel=channel))["code"] == refusal
    results = await asyncio.gather(
        *(ada.client.rpc("typing", session_id=ada.session_id) for _ in range(30)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, Refused)]
    assert {(one.code, one.temporary) for one in refused} == {(errors.TooManyRequests.code, True)}


@pytest.fixture
async def alone(nats_url: str) -> AsyncIterator[RealService]:
    """A gateway and a stream of this test's own."""
    async with gateways(nats_url, 1, {"ANTIPHON_COMMANDS_PER_S": "0"}) as (one,):
        yield one


async def test_a_replaced_log_makes_the_sdk_start_over(alone: RealService, nats_url: str, client: SdkClient) -> None:
    await client.connected(url=address(alone), token=token("ada"))
    session_id = (await client.write("session.create", title="twice"))["session_id"]
    for number in range(3):
        await client.write("message.send", session_id=session_id, content=str(number))
    first = await client.subscribed(session_id)
    async with connection.connect(nats_url, "test") as bus:
        kept = [await bus.js.get_msg(subjects.EVENTS, seq) for seq in (1, 2)]
        await bus.js.delete_stream(subjects.EVENTS)
        await bus.js.add_stream(streams.events_config("another"))
        for message in kept:  # the other log has the session, and less of it
            await bus.js.publish(str(message.subject), message.data or b"", headers=message.headers)
    again = (await eventually(lambda: client.seen("subscribed")[1:], 20))[0]
    assert client.seen("subscribing", code=2502), "told why"
    assert (again["position"], first["position"]["epoch"]) == ({"offset": 2, "epoch": "another"}, EPOCH)
    assert not again["recovered"]
    assert [row["content"] for row in again["data"]["messages"]] == ["0"]
    sent = await client.write("message.send", session_id=session_id, content="in the other log")
    await client.got(sent["id"])


async def test_a_position_that_was_lost_is_said_and_followed_by_a_snapshot(
    alone: RealService, client: SdkClient, kind: str
) -> None:
    """More was missed than one answer can hold."""
    async with balancer(alone.port) as front, sdk(kind) as steady:
        await client.connected(url=front.url, token=token("ada"))
        session_id = (await client.write("session.create", title="long away"))["session_id"]
        await client.subscribed(session_id)
        await steady.connected(url=address(alone), token=token("ada"))
        front.target = 1  # nobody there
        front.cut()
        sent = [await steady.write("message.send", session_id=session_id, content="x" * 16_000) for _ in range(40)]
        front.target = alone.port
        again = await client.event("subscribed", 20, was_recovering=True)
        assert not again["recovered"]
        assert again["position"]["offset"] == again["data"]["at"] == sent[-1]["seq"]
        assert again["data"]["messages"][-1]["id"] == sent[-1]["id"]
        live = await steady.write("message.send", session_id=session_id, content="and on")
        assert (await client.got(live["id"]))["offset"] == live["seq"]
        assert len(client.durable("message.")) == 1


async def test_a_slow_reader_comes_back_and_misses_nothing(nats_url: str, client: SdkClient) -> None:
    """Its process is stopped while more is said than may wait for it."""
    settings = {"ANTIPHON_COMMANDS_PER_S": "0", "ANTIPHON_SOCKET_BUFFER_BYTES": "65536"}
    async with gateways(nats_url, 1, settings) as (one,), sdk("js") as steady:
        for each in (client, steady):
            await each.connected(url=address(one), token=token("ada"), ping_delay_ms=30_000)
        session_id = (await steady.write("session.create", title="slow"))["session_id"]
        await client.subscribed(session_id)
        with client.stopped():
            sent = []
            for _ in range(20):
                posts = (steady.write("message.send", session_id=session_id, content="x" * 16_000) for _ in range(30))
                sent += await asyncio.gather(*posts)
        last = max(one["seq"] for one in sent)
        await eventually(lambda: reached(client) >= last, 30)
        offsets = [publication["offset"] for publication in client.durable("message.")]
        after_snapshots = [event["position"]["offset"] for event in client.seen("subscribed", recovered=False)]
        expected = sorted(one["seq"] for one in sent)
        skipped = [seq for seq in expected if seq not in set(offsets)]
        assert offsets == sorted(set(offsets)), "no repeat, and in order"
        assert all(any(seq <= at for at in after_snapshots) for seq in skipped), "all else is in a snapshot"
        assert len(client.seen("connecting")) > 1, "it was cut off"


def reached(client: SdkClient) -> int:
    """The newest event that the application has, as a publication or in a snapshot."""
    snapshots = [event["data"]["at"] for event in client.seen("subscribed", recovered=False)]
    return max([publication["offset"] for publication in client.durable()] + snapshots)


async def test_a_token_is_refreshed_more_than_once(one_system: System, client: SdkClient) -> None:
    user = f"ada-{ids.uuid7()}"
    tokens = [auth.mint(SECRET, user, ttl_s=4), auth.mint(SECRET, user, ttl_s=8), one_system.token(user)]
    await client.connected(url=url(one_system, 1), token=tokens[0], tokens=tokens[1:])
    await eventually(lambda: len(client.seen("token_wanted")) >= 2, 20)
    assert await client.write("session.create", title="after two refreshes")
    assert len(client.seen("connecting")) == 1, "the connection was kept"


async def test_a_token_that_ends_on_its_way_is_followed_by_another(one_system: System, client: SdkClient) -> None:
    user = f"ada-{ids.uuid7()}"
    first, late = auth.mint(SECRET, user, ttl_s=4), auth.mint(SECRET, user, ttl_s=-1)
    await client.connected(url=url(one_system, 1), token=first, tokens=[late, one_system.token(user)])
    await eventually(lambda: len(client.seen("token_wanted")) == 2, 30)  # an SDK waits 5 to 10 s before the second
    assert await client.write("session.create", title="after the newer one")
    assert len(client.seen("connecting")) == 1, "the connection was kept"


async def test_presence_counts_connections_and_users(one_system: System, ada: Person, kind: str) -> None:
    channel = f"session:{ada.session_id}"
    async with sdk(kind) as second:
        await second.connected(url=url(one_system, 2), token=one_system.token(ada.user))
        await second.subscribed(ada.session_id)

        async def counted() -> bool:
            return bool(await ada.client.do("presence_stats", channel=channel) == {"num_clients": 2, "num_users": 1})

        await eventually(counted)
        assert await ada.client.do("presence", channel=channel) == [ada.user] * 2
        await ada.client.event("join", user=ada.user)
    await ada.client.event("leave", user=ada.user)
