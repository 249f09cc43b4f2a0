"""The bus on a real server: what an acknowledgement means, and what a kill does not change."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from shared import errors, subjects
from shared.bus import batch, client, consume, direct, publish, streams
from shared.bus.connection import Bus, connect
from tests.support.eventually import eventually
from tests.support.servers import NatsServer

SUBJECT = subjects.event("s1")


@asynccontextmanager
async def events(nats_url: str) -> AsyncIterator[Bus]:
    async with connect(nats_url, "test") as bus:
        await bus.js.add_stream(streams.events_config("epoch-1"))
        yield bus


async def put(bus: Bus, key: str, expected_seq: int | None = None, subject: str = SUBJECT) -> publish.Published:
    return await publish.publish(bus.stream, subject, key.encode(), msg_id=key, expected_seq=expected_seq)


async def test_the_same_id_is_stored_once(nats_url: str) -> None:
    async with events(nats_url) as bus:
        assert await put(bus, "a") == publish.Published(1, False)
        assert await put(bus, "a") == publish.Published(1, True)
        assert await put(bus, "b") == publish.Published(2, False)


async def test_of_many_that_expect_the_same_position_one_wins(nats_url: str) -> None:
    async with events(nats_url) as bus:
        await put(bus, "first")
        racers = [put(bus, f"r{n}", expected_seq=1) for n in range(20)]
        outcomes = await asyncio.gather(*racers, return_exceptions=True)
        assert [type(o) for o in outcomes].count(publish.Published) == 1
        assert [type(o) for o in outcomes].count(publish.Moved) == 19


async def test_what_is_published_while_the_server_is_dead_is_stored_once(nats_server: NatsServer) -> None:
    async with events(nats_server.url) as bus:
        await put(bus, "before")
        async with nats_server.killed():
            waiting = [asyncio.create_task(put(bus, f"m{n}")) for n in range(5)]
            await eventually(lambda: not bus.is_connected)
        published = await asyncio.gather(*waiting)
        assert sorted(p.seq for p in published) == [2, 3, 4, 5, 6]
        info = await bus.js.stream_info(subjects.EVENTS)
        assert info.state.messages == 6
        assert streams.epoch_of(info) == "epoch-1"


async def test_no_acknowledgement_is_an_error_that_may_be_retried(nats_server: NatsServer) -> None:
    async with events(nats_server.url) as bus:
        async with nats_server.frozen():
            for way in (bus.js, bus.stream):
                with pytest.raises(errors.Unavailable) as refused:
                    await publish.publish(way, SUBJECT, b"x", msg_id="x", deadline_s=1.0)
                assert refused.value.retryable
        assert (await put(bus, "x")).seq == 1


async def test_a_message_too_large_for_the_bus_says_so(nats_url: str) -> None:
    async with events(nats_url) as bus:
        for way in (bus.js, bus.stream):
            with pytest.raises(errors.TooLarge):
                await publish.publish(way, SUBJECT, b"x" * 2_000_000, msg_id="x")


async def test_listening_hears_everything_in_order_and_survives_kills_and_faults(nats_server: NatsServer) -> None:
    heard: list[bytes] = []

    def handler(_subject: bytes, _reply: bytes, headers: bytes, body: bytes) -> None:
        heard.append(body + client.header(headers, b"Mark"))
        if body == b"bad":
            raise ValueError(body)

    async with connect(nats_server.url, "test") as bus:
        subscription = await bus.client.listen("here.*", handler)
        bus.client.put("here.x", b"1", headers={"Mark": "one\r\nInjected: two"})
        bus.client.put("here.y", b"bad")
        await eventually(lambda: heard == [b"1one  Injected: two", b"bad"])
        async with nats_server.killed():
            await eventually(lambda: not bus.is_connected)
            bus.client.put("here.x", b"2")
        await eventually(lambda: heard[2:] == [b"2"])
        with pytest.raises(TimeoutError):
            await bus.client.call("here.x", b"3", 0.1)
        headers, _ = await bus.client.call("nowhere", b"", 5)
        assert headers.startswith(client.NO_RESPONDERS)
        await subscription.unsubscribe()
        bus.client.put("here.x", b"4")
        await bus.client.flush()
        await bus.client.flush()
        assert heard[2:] == [b"2", b"3"]


async def test_a_read_that_nobody_answers_is_no_empty_answer(nats_url: str) -> None:
    async with events(nats_url) as bus:
        reader = direct.DirectReader(bus.client)
        await reader.start()
        assert await reader.after(subjects.EVENTS, SUBJECT, 0) == []
        with pytest.raises(errors.Unavailable, match="503"):
            await reader.after("NO_SUCH_STREAM", SUBJECT, 0)
        for number in range(1100):
            await put(bus, f"k{number}", subject=f"event.s{number}")
        with pytest.raises(errors.Unavailable, match="413"):
            await reader.heads(subjects.EVENTS, [f"event.s{number}" for number in range(1100)])


async def test_messages_published_together_are_all_stored_or_none(nats_url: str) -> None:
    async with events(nats_url) as bus:
        await put(bus, "known")
        messages = [batch.Message(name.encode(), name, {}) for name in ("a", "b", "c")]
        assert await batch.publish_together(bus.client, SUBJECT, messages) == 2
        assert await batch.publish_together(bus.client, SUBJECT, messages) is None
        assert [await put(bus, name) for name in "abc"] == [publish.Published(seq, True) for seq in (2, 3, 4)]
        partly_known = [batch.Message(b"new", "new", {}), batch.Message(b"known", "known", {})]
        assert await batch.publish_together(bus.client, SUBJECT, partly_known) is None
        assert await put(bus, "new") == publish.Published(5, False)


async def test_a_session_is_read_whole_and_in_order(nats_url: str) -> None:
    async with events(nats_url) as bus:
        for n in range(1, 1301):
            await put(bus, f"k{n}", subject=subjects.event(f"s{n % 2}"))
        reader = direct.DirectReader(bus.client)
        await reader.start()
        found = await direct.read_session(reader, "s1", after_seq=101)
        assert [stored.seq for stored in found] == list(range(103, 1301, 2))
        assert found[0].body == b"k103"
        assert await direct.read_session(reader, "nobody", 0) == []
        assert await reader.heads(subjects.EVENTS, [subjects.event("s0"), SUBJECT, "event.nobody"]) == {
            subjects.event("s0"): 1300,
            SUBJECT: 1299,
        }
        last = await reader.head(subjects.EVENTS, SUBJECT)
        assert last is not None
        assert last.headers[subjects.HEADER_MSG_ID] == "k1299"
        assert await reader.at(subjects.EVENTS, 9999) is None


async def pull(puller: consume.Puller, count: int) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < count:
        batch = await asyncio.wait_for(puller.batch(100), 10)
        found += [message.data for message in batch]
        await batch[-1].ack()
    return found


async def test_a_puller_goes_on_where_it_was_after_the_server_died(nats_server: NatsServer) -> None:
    async with events(nats_server.url) as bus:
        config = ConsumerConfig(durable_name="d", ack_policy=AckPolicy.ALL)
        puller = consume.Puller(bus, subjects.EVENTS, config, window=10)
        await puller.start()
        for n in range(25):
            await put(bus, f"a{n}")
        assert await pull(puller, 25) == [b"a%d" % n for n in range(25)]
        async with nats_server.killed():
            pass
        await put(bus, "b")
        again: list[bytes] = []  # the server writes acknowledgements down late: after a kill some come again, in order
        while b"b" not in again:
            again += await pull(puller, 1)
        assert again == [*(b"a%d" % n for n in range(25 - len(again) + 1, 25)), b"b"]


async def test_a_consumer_that_was_deleted_is_made_again(nats_url: str) -> None:
    async with events(nats_url) as bus:
        config = ConsumerConfig(durable_name="d", ack_policy=AckPolicy.EXPLICIT)
        puller = consume.Puller(bus, subjects.EVENTS, config)
        await puller.start()
        waiting = asyncio.create_task(puller.batch(1))
        await bus.js.delete_consumer(subjects.EVENTS, "d")
        await put(bus, "x")
        assert [message.data for message in await asyncio.wait_for(waiting, 10)] == [b"x"]


async def settle_next(bus: Bus, puller: consume.Puller, work: Callable[[Msg], Awaitable[None]]) -> None:
    (message,) = await asyncio.wait_for(puller.batch(1), 10)
    await consume.settle(bus, "test", message, work)


async def test_whatever_happens_to_a_message_it_is_settled(nats_url: str) -> None:
    async with events(nats_url) as bus:
        await streams.ensure(bus.js, streams.PARKED)
        config = ConsumerConfig(durable_name="d", ack_policy=AckPolicy.EXPLICIT, ack_wait=30)
        puller = consume.Puller(bus, subjects.EVENTS, config)
        await puller.start()
        tries: list[bytes] = []

        async def fails_once(message: Msg) -> None:
            tries.append(message.data)
            if len(tries) == 1:
                raise ConnectionError

        async def refuses(_message: Msg) -> None:
            raise errors.RuleBroken("never")

        await put(bus, "again")
        await settle_next(bus, puller, fails_once)
        await settle_next(bus, puller, fails_once)
        assert tries == [b"again", b"again"]
        await put(bus, "hopeless")
        await settle_next(bus, puller, refuses)

        async def all_settled() -> bool:
            info = await bus.js.consumer_info(subjects.EVENTS, "d")
            return info.num_ack_pending == 0 and info.num_pending == 0

        await eventually(all_settled)
        parked = await bus.js.get_last_msg(subjects.PARKED, subjects.parked("test", "s1"))
        assert parked.data == b"hopeless"
        assert parked.headers is not None
        assert "never" in parked.headers[subjects.HEADER_PARK_REASON]
