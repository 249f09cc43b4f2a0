"""history when things die, freeze or do not fit together: nothing acknowledged is lost, and it says what to do."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import log, stream
from services.history.entry import Entry, from_message
from services.history.errors import ForeignEpoch, Hole
from services.ops import migrations
from shared import db, subjects
from shared.bus import streams
from shared.bus.connection import Bus, connect
from shared.bus.consume import Puller
from shared.settings import DatabaseSettings
from tests.support.conversation import posted, put
from tests.support.eventually import eventually
from tests.support.logs import environment, reaches, readiness, surroundings
from tests.support.servers import NatsServer, PostgresServer
from tests.support.services import RealService, running


@pytest.fixture
async def own_postgres(tmp_path: Path) -> AsyncIterator[PostgresServer]:
    """A PostgreSQL of this test's own, migrated, that may be killed."""
    server = PostgresServer(tmp_path)
    server.launch()
    try:
        await server.ready()
        await migrations.upgrade(server.url())
        yield server
    finally:
        server.stop()


@asynccontextmanager
async def load(bus: Bus) -> AsyncIterator[list[int]]:
    """Inside, messages are published all the time; afterwards the positions that were acknowledged are complete."""
    acknowledged: list[int] = []
    going = True

    async def talk(session_id: str) -> None:
        while going:
            acknowledged.append((await put(bus, posted(session_id))).seq)

    talkers = [asyncio.create_task(talk(f"s{n}")) for n in range(8)]
    try:
        yield acknowledged
    finally:
        going = False
        await asyncio.gather(*talkers)


async def log_head(engine: AsyncEngine) -> int:
    return (await log.head(engine)).seq


async def grows(engine: AsyncEngine, by: int, timeout_s: float) -> float:
    """Seconds until the log has grown."""
    loop = asyncio.get_running_loop()
    began, before = loop.time(), await log_head(engine)

    async def grown() -> bool:
        return await log_head(engine) >= before + by

    await eventually(grown, timeout_s)
    return loop.time() - began


async def is_red(of: RealService, check: str, words: str) -> None:
    async def said() -> bool:
        found = (await readiness(of))["checks"].get(check, {})
        return found.get("status") == "failed" and words in found.get("error", "")

    await eventually(said)


async def has_role(of: RealService, role: str) -> None:
    async def said() -> bool:
        return (await readiness(of))["checks"].get("leader", {}).get("role") == role

    await eventually(said)


async def is_green(of: RealService) -> None:
    async def said() -> bool:
        return (await readiness(of))["status"] == "ok"

    await eventually(said, 20)


async def test_a_standby_takes_over_from_a_killed_leader(nats_url: str, database_url: str) -> None:
    env = environment(nats_url, database_url)
    async with (
        running("history", env, "history-1") as leader,
        running("history", env, "history-2") as standby,
        surroundings(nats_url, database_url) as (bus, engine),
    ):
        await has_role(standby, "standby")
        async with load(bus) as acknowledged:
            await grows(engine, 200, 10)
            leader.kill()
            assert await grows(engine, 200, 10) < 5
        await reaches(engine, max(acknowledged))
        await has_role(standby, "active")


async def test_a_frozen_leader_is_replaced_and_changes_nothing_when_it_wakes(nats_url: str, database_url: str) -> None:
    env = environment(nats_url, database_url)
    async with (
        running("history", env, "history-1") as leader,
        running("history", env, "history-2"),
        surroundings(nats_url, database_url) as (bus, engine),
    ):
        async with load(bus) as acknowledged:
            await grows(engine, 200, 10)
            os.kill(leader.pid, signal.SIGSTOP)
            try:
                assert await grows(engine, 200, 15) < 5
            finally:
                os.kill(leader.pid, signal.SIGCONT)
            await grows(engine, 500, 10)
        await reaches(engine, max(acknowledged))
        await is_green(leader)
        await has_role(leader, "standby")


async def test_events_wait_while_postgresql_is_dead(nats_url: str, own_postgres: PostgresServer) -> None:
    async with (
        running("history", environment(nats_url, own_postgres.url())) as service,
        surroundings(nats_url, own_postgres.url()) as (bus, engine),
    ):
        async with load(bus) as acknowledged:
            await grows(engine, 200, 10)
            async with own_postgres.killed():
                await is_red(service, "postgres", "")
                before = len(acknowledged)
                await eventually(lambda: len(acknowledged) > before + 500)
            await grows(engine, 500, 20)
        await reaches(engine, max(acknowledged))
        await is_green(service)
        assert service.popen.poll() is None


async def test_the_log_goes_on_after_the_bus_was_killed(nats_server: NatsServer, database_url: str) -> None:
    async with (
        running("history", environment(nats_server.url, database_url)) as service,
        surroundings(nats_server.url, database_url) as (bus, engine),
    ):
        async with load(bus) as acknowledged:
            await grows(engine, 200, 10)
            async with nats_server.killed():
                await is_red(service, "nats", "not connected")
            await grows(engine, 200, 20)
        await reaches(engine, max(acknowledged))
        assert service.popen.poll() is None


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
        assert await log_head(engine) == 0


async def test_what_is_fetched_is_what_would_have_been_delivered(nats_url: str) -> None:
    async with connect(nats_url, "test") as bus:
        await bus.js.add_stream(streams.events_config("epoch"))
        for n in range(20):
            await put(bus, posted(f"s{n % 3}"))
        puller = Puller(bus, subjects.EVENTS, stream.consumer_after(4))
        await puller.start()
        delivered: list[Entry] = []
        while len(delivered) < 16:
            delivered += [from_message(message) for message in await puller.batch(100)]
        assert await stream.fetch(bus, 5, 20) == delivered
        with pytest.raises(Hole, match="21 to 22"):
            await stream.fetch(bus, 20, 22)
        await puller.stop()


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


async def test_migrations_go_up_and_down_with_data(blank_database_url: str) -> None:
    await migrations.upgrade(blank_database_url)
    async with db.engine(DatabaseSettings(database_url=blank_database_url)) as engine:
        first = await log.head(engine)
        await log.append(engine, first.epoch, [Entry(1, 5, "event.s1", b"body")])
        await migrations.upgrade(blank_database_url)
        assert (await log.head(engine)).seq == 1
        await migrations.upgrade(blank_database_url, "base")
        async with engine.connect() as connection:
            schemas = text("SELECT count(*) FROM pg_namespace WHERE nspname = 'log'")
            assert (await connection.execute(schemas)).scalar_one() == 0
        await migrations.upgrade(blank_database_url)
        assert (await log.head(engine)).epoch != first.epoch


def test_the_statements_of_a_migration_can_be_reviewed() -> None:
    output = io.StringIO()
    configured = migrations.config("postgresql://")
    configured.output_buffer = output
    migrations.migrate(configured, "head", sql=True)
    assert "CREATE TABLE log.events" in output.getvalue()
    assert "ENABLE ALWAYS TRIGGER" in output.getvalue()
