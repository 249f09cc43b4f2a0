"""The stream is trimmed behind the log, behind the intake of replies, and behind the window; never further."""

import pytest
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo

from services.history import log, stream
from services.history.trimming import Trimmer
from shared import subjects
from shared.bus import streams
from shared.bus.connection import Bus
from tests.support.conversation import posted, put
from tests.support.eventually import eventually
from tests.support.logs import environment, reaches, surroundings
from tests.support.services import running

LATER_NS = 10**15  # when everything has left the window


async def first(bus: Bus) -> int:
    return (await bus.js.stream_info(subjects.EVENTS)).state.first_seq


async def test_what_comes_while_the_trimmer_looks_is_not_taken_for_lost(
    nats_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        surroundings(nats_url, database_url) as (bus, engine),
        running("history", environment(nats_url, database_url)),
    ):
        await streams.wait_for_events(bus.js)
        await put(bus, posted("s"))
        await reaches(engine, 1)
        ask = bus.js.stream_info

        async def late(name: str) -> StreamInfo:
            info = await ask(name)
            await put(bus, posted("s"))
            await reaches(engine, info.state.last_seq + 1)
            return info

        monkeypatch.setattr(bus.js, "stream_info", late)
        assert await Trimmer(bus, engine, hot_days=1).trim(LATER_NS) == 0
        head, info = await stream.looked_at(bus, engine)
        assert head.seq <= info.state.last_seq < (await log.head(engine)).seq


async def test_nothing_is_trimmed_that_somebody_still_needs(nats_url: str, database_url: str) -> None:
    async with surroundings(nats_url, database_url) as (bus, engine):
        async with running("history", environment(nats_url, database_url)):
            await streams.wait_for_events(bus.js)
            for n in range(10):
                await put(bus, posted(f"s{n}"))
            await reaches(engine, 10)
        assert await first(bus) == 1, "without a window all of it stays"
        for n in range(5):
            await put(bus, posted(f"s{n}"))  # acknowledged, and in the log by nobody yet
        intake = ConsumerConfig(
            durable_name=subjects.LLM_INTAKE, deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.EXPLICIT
        )
        await bus.js.add_consumer(subjects.EVENTS, intake)
        trimmer = Trimmer(bus, engine, hot_days=1)
        newest_ns = (await log.head(engine)).time_ns or 0

        assert await trimmer.trim(newest_ns + LATER_NS) == 0, "the intake has seen nothing"
        reader = await bus.js.pull_subscribe_bind(subjects.LLM_INTAKE, stream=subjects.EVENTS)
        for message in await reader.fetch(6):
            await message.ack_sync()

        async def seen() -> bool:
            floor = (await bus.js.consumer_info(subjects.EVENTS, subjects.LLM_INTAKE)).ack_floor
            return floor is not None and floor.stream_seq == 6

        await eventually(seen)
        assert await trimmer.trim(newest_ns) == 0, "all of it is in the window"
        assert (await trimmer.trim(newest_ns + LATER_NS), await first(bus)) == (6, 7)
        for message in await reader.fetch(9):
            await message.ack_sync()
        await eventually(lambda: trimmer.trim(newest_ns + LATER_NS))
        assert await first(bus) == 11, "what is not in the log stays"
        await bus.js.delete_consumer(subjects.EVENTS, subjects.LLM_INTAKE)
        async with running("history", environment(nats_url, database_url)):
            await reaches(engine, 15)
            assert await trimmer.trim(newest_ns + LATER_NS) == 4
            assert await first(bus) == 15, "the last one stays: the stream says where it ends"
            assert (await put(bus, posted("s1"))).seq == 16
            await reaches(engine, 16)
