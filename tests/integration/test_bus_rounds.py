"""Rounds on a real server: nothing is missed or changes places, whatever dies; what came meanwhile is one answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared import subjects
from shared.bus import publish, streams
from shared.bus.connection import Bus, connect
from shared.bus.rounds import Rounds
from tests.support.eventually import eventually
from tests.support.servers import NatsServer

DURABLE = ConsumerConfig(durable_name="d", ack_policy=AckPolicy.EXPLICIT, ack_wait=2)


@asynccontextmanager
async def events(nats_url: str) -> AsyncIterator[Bus]:
    async with connect(nats_url, "test") as bus:
        await bus.js.add_stream(streams.events_config("epoch-1"))
        yield bus


async def put(bus: Bus, *keys: str) -> None:
    for key in keys:
        await publish.publish(bus.stream, subjects.event("s1"), key.encode(), msg_id=key, headers={"About": key})


async def said(rounds: Rounds) -> list[bytes]:
    """The next round, acknowledged."""
    found = await asyncio.wait_for(rounds.next(), 10)
    for one in found:
        rounds.acknowledge(one)
    return [one.data for one in found]


async def unsettled(bus: Bus) -> int:
    info = await bus.js.consumer_info(subjects.EVENTS, "d")
    return (info.num_ack_pending or 0) + (info.num_pending or 0)


async def asked(bus: Bus) -> int:
    """How many requests for messages wait at the server."""
    return (await bus.js.consumer_info(subjects.EVENTS, "d")).num_waiting or 0


async def test_what_came_since_the_last_round_is_one_round(nats_url: str) -> None:
    async with events(nats_url) as bus:
        rounds = Rounds(bus, subjects.EVENTS, DURABLE, limit=5)
        await rounds.start()
        waiting = asyncio.create_task(said(rounds))
        await put(bus, "a")
        assert await waiting == [b"a"], "the first of a quiet time waits for nobody"
        assert await asked(bus) == 0, "between rounds nothing wakes this process"
        await put(bus, *"bcdefgh")
        assert await said(rounds) == [b"b", b"c", b"d", b"e", b"f"]
        (first, second) = await asyncio.wait_for(rounds.next(), 10)
        assert (first.subject, first.header("About"), first.header("Abou"), first.pending) == ("event.s1", "g", "", 1)
        assert second.pending == 0
        assert rounds.message(second).headers["About"] == "h"
        await rounds.message(first).ack()
        rounds.acknowledge(second)

        async def all_settled() -> bool:
            return await unsettled(bus) == 0

        await eventually(all_settled)
        await rounds.stop()


async def test_what_is_not_acknowledged_comes_again(nats_url: str) -> None:
    async with events(nats_url) as bus:
        await put(bus, "a", "b")
        rounds = Rounds(bus, subjects.EVENTS, DURABLE, limit=5)
        await rounds.start()
        first, _ = await asyncio.wait_for(rounds.next(), 10)
        rounds.acknowledge(first)
        assert await said(rounds) == [b"b"]


async def test_whoever_keeps_the_position_misses_nothing_over_kills(nats_server: NatsServer) -> None:
    found: list[int] = []

    async def behind() -> ConsumerConfig:
        start = found[-1] + 1 if found else 1
        policy = DeliverPolicy.BY_START_SEQUENCE
        return ConsumerConfig(deliver_policy=policy, opt_start_seq=start, ack_policy=AckPolicy.NONE, mem_storage=True)

    async def follow(rounds: Rounds) -> None:
        while True:
            for one in await rounds.next():
                if (seq := rounds.message(one).metadata.sequence.stream) > (found[-1] if found else 0):
                    found.append(seq)

    async with events(nats_server.url) as bus, connect(nats_server.url, "publisher") as other:
        rounds = Rounds(bus, subjects.EVENTS, behind, limit=50)
        await rounds.start()
        following = asyncio.create_task(follow(rounds))
        publishing = asyncio.create_task(put(other, *(f"m{n}" for n in range(2500))))
        for reached in (300, 1200):
            await eventually(lambda wanted=reached: len(found) > wanted)  # type: ignore[misc]
            async with nats_server.killed():
                pass
        await publishing
        await eventually(lambda: bool(found) and found[-1] == 2500)
        assert found == list(range(1, 2501))
        following.cancel()


async def test_a_consumer_that_is_deleted_is_made_again_asked_or_not(nats_url: str) -> None:
    async with events(nats_url) as bus:
        rounds = Rounds(bus, subjects.EVENTS, DURABLE, limit=5)
        await rounds.start()
        waiting = asyncio.create_task(said(rounds))
        await asyncio.wait_for(bus.js.delete_consumer(subjects.EVENTS, "d"), 5)
        await put(bus, "a")
        assert await waiting == [b"a"]
        await bus.js.delete_consumer(subjects.EVENTS, "d")  # nothing is asked for now: nobody tells of it
        await put(bus, "b")
        assert await said(rounds) == [b"a", b"b"], "a new consumer knows of no acknowledgement"


async def test_workers_that_share_a_consumer_get_each_message_once(nats_url: str) -> None:
    async with events(nats_url) as bus:
        sharing = [Rounds(bus, subjects.EVENTS, DURABLE, limit=5) for _ in range(3)]
        found: list[bytes] = []

        async def follow(rounds: Rounds) -> None:
            await rounds.start()
            while True:
                found.extend(await said(rounds))

        following = [asyncio.create_task(follow(rounds)) for rounds in sharing]
        keys = [f"m{n}" for n in range(200)]
        await put(bus, *keys)
        await eventually(lambda: len(found) >= len(keys))
        assert sorted(found) == sorted(key.encode() for key in keys)
        for task in following:
            task.cancel()
        assert await asked(bus) <= 3, "nobody asks again while an answer is owed"
