"""history when processes and servers die or freeze: nothing acknowledged is lost."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.ops import migrations
from shared.bus.connection import Bus
from shared.bus.query import QueryClient
from shared.tasks import background
from tests.support.conversation import posted, put
from tests.support.eventually import eventually
from tests.support.locks import locked, waiting
from tests.support.logs import (
    environment,
    grows,
    has_role,
    is_green,
    is_red,
    reaches,
    readiness,
    surroundings,
)
from tests.support.servers import NatsServer, PostgresServer, freeze
from tests.support.services import running


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
            freeze(leader.pid)
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


async def test_history_may_be_started_before_its_servers(nats_server: NatsServer, own_postgres: PostgresServer) -> None:
    env = environment(nats_server.url, own_postgres.url())
    async with own_postgres.killed():
        async with nats_server.killed(), running("history", env, wait_ready=False) as service:
            await is_red(service, "leader", "starting")
            assert service.terminate() == 0
        async with running("history", env, wait_ready=False) as service:
            await is_red(service, "postgres", "")
            assert service.terminate() == 0
    async with running("history", env) as service:
        assert service.terminate() == 0


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


async def test_slow_pages_leave_history_connections_for_its_own_work(nats_url: str, database_url: str) -> None:
    few = {"ANTIPHON_POOL_SIZE": "2", "ANTIPHON_POOL_OVERFLOW": "0", "ANTIPHON_STATEMENT_TIMEOUT_S": "60"}
    async with (
        running("history", environment(nats_url, database_url) | few) as history,
        surroundings(nats_url, database_url) as (bus, pool),
    ):
        await has_role(history, "active")

        async def ask() -> None:
            await QueryClient(bus).ask("history", "read", {}, 60)

        async def gets_through() -> bool:
            return bool((await readiness(history))["checks"]["postgres"]["status"] == "ok")

        async with locked(database_url, "log.events"), background(*(ask() for _ in range(10))):
            await eventually(lambda: waiting(pool, 2))
            await eventually(gets_through)
