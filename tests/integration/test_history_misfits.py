"""history when stream and log do not fit together: it stands still and says what to do."""

import asyncio

import pytest

from services.history import holes, log, stream
from services.history.entry import Entry, from_message
from services.history.errors import ForeignEpoch, Hole
from shared import db, subjects
from shared.bus import streams
from shared.bus.connection import connect
from shared.bus.rounds import Rounds
from shared.settings import DatabaseSettings
from tests.support.conversation import posted, put
from tests.support.logs import (
    environment,
    is_red,
    log_head,
    reaches,
    readiness,
    surroundings,
)
from tests.support.services import running


async def test_a_missing_stream_is_not_made_for_a_log_that_has_events(nats_url: str, database_url: str) -> None:
    async with surroundings(nats_url, database_url) as (bus, engine):
        head = await log.head(engine)
        await log.append(engine, head.epoch, [Entry(1, 5, "event.s1", b"body")])
        async with running("history", environment(nats_url, database_url), wait_ready=False) as service:
            await is_red(service, "leader", "the stream EVENTS is missing; run `antiphon restore-stream`")
            assert [info.config.name for info in await bus.js.streams_info()] == []


async def test_the_stream_of_another_log_is_refused(nats_url: str, database_url: str) -> None:
    async with surroundings(nats_url, database_url) as (bus, _):
        await bus.js.add_stream(streams.events_config("another"))
        async with running("history", environment(nats_url, database_url), wait_ready=False) as service:
            await is_red(service, "leader", "belongs to another log")


async def test_a_stream_that_is_made_again_meanwhile_is_noticed(nats_url: str, database_url: str) -> None:
    env = environment(nats_url, database_url)
    async with surroundings(nats_url, database_url) as (bus, engine), running("history", env) as service:
        epoch = (await log.head(engine)).epoch
        for _ in range(3):
            await put(bus, posted("s1"))
        await reaches(engine, 3)
        await bus.js.delete_stream(subjects.EVENTS)
        await bus.js.add_stream(streams.events_config(epoch))
        await is_red(service, "leader", "ends before the log")


async def test_a_position_that_is_nowhere_is_named(nats_url: str, database_url: str) -> None:
    env = environment(nats_url, database_url)
    async with surroundings(nats_url, database_url) as (bus, engine):
        async with running("history", env):
            pass
        for _ in range(5):
            await put(bus, posted("s1"))
        await bus.js.delete_msg(subjects.EVENTS, 3)
        async with running("history", env, wait_ready=False) as service:
            await is_red(service, "leader", "Positions are missing between the log and the stream")
            assert (await readiness(service))["checks"]["leader"]["error"].endswith(": 3")
        assert await log_head(engine) == 2, "what comes before it is in the log"


async def test_what_is_fetched_is_what_would_have_been_delivered(nats_url: str) -> None:
    async with connect(nats_url, "test") as bus:
        await bus.js.add_stream(streams.events_config("epoch"))
        for n in range(20):
            await put(bus, posted(f"s{n % 3}"))
        rounds = Rounds(bus, subjects.EVENTS, stream.consumer_after(4), 100)
        await rounds.start()
        delivered: list[Entry] = []
        while len(delivered) < 16:
            delivered += [from_message(message) for message in await rounds.next()]
        assert await holes.fetch(bus, 5, 20) == delivered
        with pytest.raises(Hole, match="21 to 22"):
            await holes.fetch(bus, 20, 22)
        await rounds.stop()


async def test_a_second_writer_can_change_nothing(database_url: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        epoch = (await log.head(engine)).epoch
        entries = [Entry(seq, seq, "event.s1", b"body") for seq in range(1, 10)]
        both = await asyncio.gather(log.append(engine, epoch, entries[:5]), log.append(engine, epoch, entries))
        assert sorted(one.events for one in both) in ([0, 9], [4, 5])
        assert (await log.append(engine, epoch, entries[:5])).events == 0
        with pytest.raises(Hole, match="10"):
            await log.append(engine, epoch, [Entry(11, 11, "event.s1", b"body")])
        with pytest.raises(ForeignEpoch):
            await log.append(engine, "another", [Entry(10, 10, "event.s1", b"body")])
        await reaches(engine, 9)
