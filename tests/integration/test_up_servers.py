"""The embedded servers: real ones, back on their port with their data, whatever ends them."""

import stat
from pathlib import Path

import asyncpg
import nats
import pytest
from nats.js.api import StorageType, StreamConfig

from services.ops import database, ports, probes
from services.ops.embedded import nats as embedded_nats
from services.ops.embedded import postgres
from tests.support.eventually import eventually
from tests.support.servers import NatsServer, PostgresServer, RealServer

ENDINGS = ["kill", "stop"]


@pytest.mark.parametrize("ending", ENDINGS)
async def test_an_acknowledged_message_survives_the_end_of_nats(nats_server: NatsServer, ending: str) -> None:
    client = await nats.connect(nats_server.url, reconnect_time_wait=0.05, max_reconnect_attempts=-1)
    stream = client.jetstream()
    await stream.add_stream(StreamConfig("EVENTS", subjects=["event.*"], storage=StorageType.FILE))
    acknowledged = await stream.publish("event.one", b"hello")

    getattr(nats_server, ending)()
    await nats_server.restart()

    await eventually(lambda: client.is_connected)
    assert (await stream.get_msg("EVENTS", acknowledged.seq)).data == b"hello"
    await client.close()


async def test_nats_writes_through_by_default_and_hears_only_this_machine(tmp_path: Path) -> None:
    embedded_nats.part(tmp_path / "nats", 4222)
    config = (tmp_path / "nats" / "nats.conf").read_text()
    assert 'sync_interval: "always"' in config
    assert "127.0.0.1:4222" in config


async def test_a_frozen_nats_answers_again_when_it_thaws(nats_server: NatsServer) -> None:
    async with nats_server.frozen():
        assert await probes.nats_info(nats_server.url, timeout_s=0.2) is None
    await eventually(lambda: probes.nats_ready(nats_server.url))


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_committed_row_survives_the_end_of_postgres(tmp_path: Path, ending: str) -> None:
    server = PostgresServer(tmp_path)
    server.launch()
    try:
        await server.ready()
        await database.ensure_database(server.url("antiphon"))
        await database.ensure_database(server.url("antiphon"))
        connection = await asyncpg.connect(server.url("antiphon"))
        await connection.execute("create table kept as select 42 as answer")

        getattr(server, ending)()
        await server.restart()

        connection = await asyncpg.connect(server.url("antiphon"))
        assert await connection.fetchval("select answer from kept") == 42
        await connection.close()
    finally:
        server.stop()


async def test_postgres_starts_over_a_lock_file_that_names_a_living_stranger(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path)
    server.launch()
    try:
        await server.ready()
        server.kill()
        lock = tmp_path / "postgres" / "postmaster.pid"
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join(["1", *lines[1:]]) + "\n")
        await server.restart()
    finally:
        server.stop()


async def test_postgres_asks_for_the_password(postgres_server: PostgresServer) -> None:
    assert await database.fault(postgres_server.url()) is None
    wrong = await database.fault(postgres.url(postgres_server.port, "wrong", "postgres"))
    assert wrong is not None
    assert "password" in wrong


def test_the_cluster_is_closed_to_others(postgres_server: PostgresServer, session_directory: Path) -> None:
    assert stat.S_IMODE((session_directory / "postgres").stat().st_mode) == 0o700


async def test_the_port_stays_the_same_over_restarts(nats_server: RealServer) -> None:
    before = nats_server.port
    async with nats_server.killed():
        assert ports.is_free(before)
    assert not ports.is_free(before)
