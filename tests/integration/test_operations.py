"""The runbooks of `docs/operations.md` as they stand there: each block of commands is run, against real servers."""

import asyncio
import os
import re
import sqlite3
import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from services.ops.embedded.binaries import postgres_bin
from shared import subjects
from shared.bus.streams import wait_for_events
from tests.integration.test_history_erasure import SECRET, left_in_the_log, left_in_the_stream
from tests.support import old_systems
from tests.support.conversation import created, posted, put
from tests.support.eventually import eventually
from tests.support.logs import environment, is_green, is_red, log_head, reaches, surroundings
from tests.support.servers import NatsServer, PostgresServer
from tests.support.services import CLEAN, running

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
SEED = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def blocks(title: str) -> list[str]:
    """The blocks of commands in the section with this title."""
    section = PAGE.read_text().split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


class Operator:
    """Somebody who types what the page says, in a directory of their own."""

    def __init__(self, directory: Path, nats_url: str, database_url: str) -> None:
        self.directory = directory
        self.urls = environment(nats_url, database_url)
        self.more = {"ANTIPHON_SIGNING_KEY": SEED}

    async def types(self, commands: str, **variables: str) -> str:
        """What the commands print; each of them succeeds."""
        path = f"{postgres_bin()}{os.pathsep}{CLEAN['PATH']}{os.pathsep}/bin"
        given = CLEAN | self.urls | self.more | variables | {"PATH": path}
        done = await asyncio.to_thread(
            subprocess.run,
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.directory, env=given, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def operator(tmp_path: Path, nats_url: str, database_url: str) -> Operator:
    return Operator(tmp_path, nats_url, database_url)


@asynccontextmanager
async def empty_database(server: PostgresServer) -> AsyncIterator[str]:
    name = f"restored_{uuid.uuid4().hex[:8]}"
    connection = await asyncpg.connect(server.url())
    await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        yield server.url(name)
    finally:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await connection.close()


def left_in_files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_every_section_with_commands_is_run_here() -> None:
    titles = re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE)
    here = Path(__file__).read_text()
    assert [title for title in titles if blocks(title) and f'"{title}"' not in here] == []


async def test_a_backup_is_restored_and_the_stream_brings_the_rest(
    operator: Operator, nats_url: str, database_url: str, postgres_server: PostgresServer
) -> None:
    signed = environment(nats_url, database_url) | {"ANTIPHON_SIGNING_KEY": SEED, "ANTIPHON_CHECKPOINT_EVENTS": "1"}
    async with surroundings(nats_url, database_url) as (bus, engine), running("history", signed):
        await wait_for_events(bus.js)
        await put(bus, created("s1"))
        last = (await put(bus, posted("s1", "before the backup"))).seq
        await reaches(engine, last)

        async def sealed() -> bool:
            async with engine.connect() as connection:
                newest = await connection.exec_driver_sql("SELECT max(seq) FROM log.checkpoints")
                return newest.scalar_one() == last

        await eventually(sealed)
        (backup,) = blocks("Backup")
        await operator.types(backup)
        last = (await put(bus, posted("s1", "after the backup"))).seq
        await reaches(engine, last)
    restore, check = blocks("Restore")
    async with empty_database(postgres_server) as restored:
        operator.urls = environment(nats_url, restored)
        assert f"verified {last - 1} events" in await operator.types(restore)
        async with running("history", operator.urls), surroundings(nats_url, restored) as (_, engine):
            await reaches(engine, last)
            assert f"verified {last} events" in await operator.types(check)


async def test_a_lost_stream_and_lost_positions(operator: Operator, nats_url: str, database_url: str) -> None:
    async with surroundings(nats_url, database_url) as (bus, engine):
        async with running("history", operator.urls) as service:
            await wait_for_events(bus.js)
            for n in range(4):
                await put(bus, posted("s1", f"message {n}"))
            await reaches(engine, 4)
            await bus.js.delete_stream(subjects.EVENTS)
            await is_red(service, "leader", "the stream EVENTS is missing")
            (restore,) = blocks("The stream is lost")
            assert "EVENTS goes on at 5" in await operator.types(restore)
            await is_green(service)
        for n in range(4):
            await put(bus, posted("s1", f"message {n}"))
        for seq in (5, 6):
            await bus.js.delete_msg(subjects.EVENTS, seq)
        async with running("history", operator.urls, wait_ready=False) as service:
            await is_red(service, "leader", "positions are missing between the log and the stream".capitalize())
            assert await log_head(engine) == 4
            (accept,) = blocks("Positions are lost in both")
            assert "2 positions are on record as lost" in await operator.types(accept, FIRST="5", LAST="6")
            await reaches(engine, 8)


async def test_the_schema_goes_forward_back_and_forward_with_the_log_in_it(
    operator: Operator, nats_url: str, database_url: str
) -> None:
    async with surroundings(nats_url, database_url) as (bus, engine), running("history", operator.urls):
        await wait_for_events(bus.js)
        await put(bus, posted("s1"))
        await reaches(engine, 1)
    forward, back = blocks("Migrating the schema, and back")
    await operator.types(forward)
    assert "verified 1 events" in await operator.types(back)


async def test_the_signing_key_is_rotated_and_old_checkpoints_count(
    operator: Operator, nats_url: str, database_url: str
) -> None:
    old, new = blocks("Rotating the key that signs checkpoints")
    often = operator.urls | {"ANTIPHON_CHECKPOINT_EVENTS": "1"}

    async def signed(bus_seq: int, setting: dict[str, str], content: str) -> None:
        async with surroundings(nats_url, database_url) as (bus, engine), running("history", often | setting):
            await wait_for_events(bus.js)
            await put(bus, posted("s1", content))

            async def sealed() -> bool:
                async with engine.connect() as connection:
                    newest = await connection.exec_driver_sql("SELECT max(seq) FROM log.checkpoints")
                    return newest.scalar_one() == bus_seq

            await eventually(sealed)

    await signed(1, {"ANTIPHON_SIGNING_KEY": SEED}, "under the old key")
    await operator.types(old)
    await signed(2, {"ANTIPHON_SIGNING_KEY_FILE": str(operator.directory / "signing.key")}, "under the new one")
    assert "verified 2 events up to 2 and 2 checkpoints" in await operator.types(new)
    keys = [(operator.directory / name).read_text() for name in ("signing-old.pub", "signing-new.pub")]
    assert keys[0] != keys[1]


async def test_an_erasure_leaves_nothing_in_the_files_of_the_stream_either(
    operator: Operator, nats_server: NatsServer, database_url: str
) -> None:
    async with (
        surroundings(nats_server.url, database_url) as (bus, engine),
        running("history", operator.urls),
    ):
        await wait_for_events(bus.js)
        await put(bus, created("s1"))
        await put(bus, posted("s1", f"my {SECRET}"))
        await put(bus, posted("s1", "and you?", actor="bob"))
        await reaches(engine, 3)
        assert left_in_files(nats_server.directory / "nats")
        order, clean = blocks("Erasure")
        assert "2 events were erased, each on order" in await operator.types(order, SESSION="s1", USER_ID="ada")
        assert await left_in_the_log(engine, SECRET) == 0
        assert await left_in_the_stream(bus, SECRET) == []
        assert left_in_files(nats_server.directory / "nats") == []
        await operator.types(clean)


async def test_moving_in_from_an_older_system_and_the_way_back(
    operator: Operator, nats_url: str, database_url: str
) -> None:
    old, session = operator.directory / "old.db", "session-00000001"
    old_systems.sqlite(old, old_systems.INSTANCES, old_systems.instances(3, 5))
    ahead, cut_over, back = blocks("Moving in from an older system")
    async with surroundings(nats_url, database_url) as (bus, engine), running("history", operator.urls):
        await wait_for_events(bus.js)
        assert "3 sessions, 15 messages" in await operator.types(ahead, OLD=str(old))
        connection = sqlite3.connect(old)
        with connection:
            row = (99, session, "Ольга", "вдогонку", 0, old_systems.at(5000), None)
            connection.execute('INSERT INTO "ChatMessages" VALUES (?, ?, ?, ?, ?, ?, ?)', row)
        before = old.read_bytes()
        told = await operator.types(cut_over, OLD=str(old))
        assert "2 became events" in told, "the message, and that it was read there"
        assert "both sides say the same" in told
        last = (await put(bus, posted(session, "said here", actor="user-1"))).seq
        await reaches(engine, last)
        await operator.types(back, SESSION=session)
    since = (operator.directory / "since.jsonl").read_text().splitlines()
    assert [("said here" in line, session in line) for line in since] == [(True, True)]
    page = (operator.directory / f"{session}.html").read_text()
    assert "вдогонку" in page
    assert "said here" in page
    assert old.read_bytes() == before
