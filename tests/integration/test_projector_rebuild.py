"""The read models made anew beside the live ones: compared, switched, taken back, verified."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ops import process
from services.projector import live, schemas, store
from services.projector.projection import Projection
from services.projector.rebuild import AlreadyRunning, Rebuild, alone
from shared import db, errors
from shared.bus.connection import connect
from shared.bus.query import QueryClient
from shared.settings import DatabaseSettings
from tests.support.eventually import eventually
from tests.support.logs import environment, filled
from tests.support.services import CLEAN, running
from tests.support.system import antiphon

PAGE = 200
QUESTIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("snapshot", "session", {"session_id": "s0"}),
    ("sessions", "sessions", {"user": "ada", "query": "message"}),
    ("chat_history", "messages", {"session_id": "s1", "chat_id": "c1"}),
    ("stats", "messages", {"session_id": "s2"}),
]


@asynccontextmanager
async def folded(database_url: str, events: int = 300) -> AsyncIterator[AsyncEngine]:
    """A log of so many events, in the live tables, and no process."""
    async with db.engine(DatabaseSettings(database_url=database_url)) as pool:
        await filled(pool, events)
        name = await live.ensure(pool)
        projection = Projection(store.in_schema(pool, name), name)
        while (await projection.fold(PAGE)).events:
            pass
        yield pool


async def run(url: str, *words: str) -> tuple[int, str]:
    """The exit code of an `antiphon` command, and all it said."""
    done = await asyncio.to_thread(antiphon, *words, "--database-url", url, COLUMNS="300")
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


async def execute(url: str, *statements: str) -> None:
    """What somebody does to the tables who may do anything."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def names(pool: AsyncEngine) -> dict[str, str]:
    """Every schema of read models with its role."""
    async with pool.connect() as connection:
        return {row.name: row.role for row in await connection.execute(schemas.schemas.select())}


async def live_name(pool: AsyncEngine) -> str:
    async with pool.connect() as connection:
        return await live.name(connection)


async def test_a_rebuild_takes_the_place_of_equal_tables_and_can_be_taken_back(database_url: str) -> None:
    async with folded(database_url) as pool:
        before = await live_name(pool)
        code, said = await run(database_url, "rebuild")
        after = await live_name(pool)
        assert (code, after != before) == (0, True), said
        assert "DIFFERS" not in said
        assert "messages" in said
        assert await names(pool) == {before: "previous", after: "live"}
        await filled(pool, 50)
        code, said = await run(database_url, "rebuild", "--rollback")
        assert (code, await live_name(pool)) == (0, before), said
        code, said = await run(database_url, "rebuild", "--drop")
        assert (code, await names(pool)) == (0, {before: "live"}), said
        code, said = await run(database_url, "rebuild", "--rollback")
        assert (code, "nothing is kept" in said) == (1, True)


async def test_tampered_rows_are_named_and_a_rebuild_is_needed_to_mend_them(database_url: str) -> None:
    async with folded(database_url) as pool:
        assert (await run(database_url, "verify-read-models"))[0] == 0
        before = await live_name(pool)
        await execute(
            database_url,
            f"UPDATE {before}.messages SET content = 'never said' WHERE created_seq = 10",
            f"DELETE FROM {before}.messages WHERE created_seq = 11",
            f"INSERT INTO {before}.parked VALUES ('s0', 9, 'made up')",
        )
        code, said = await run(database_url, "verify-read-models")
        assert code == 1, said
        rows = {line.split()[0]: line for line in said.splitlines() if "DIFFERS" in line}
        assert set(rows) == {"messages", "parked"}
        told = [line.strip() for line in said.splitlines() if line.startswith("  ") and "DIFFERS" not in line]
        assert sum("messages s" in line and line.endswith("differs in content") for line in told) == 1, told
        assert sum("messages s" in line and "is missing from the live table" in line for line in told) == 1
        assert "parked s0: is in the live table and should not be" in told
        assert list(await names(pool)) == [before]

        code, said = await run(database_url, "rebuild")
        assert (code, await live_name(pool)) == (1, before), said
        code, said = await run(database_url, "rebuild", "--accept-differences")
        assert (code, await live_name(pool) != before) == (0, True), said
        assert (await run(database_url, "verify-read-models"))[0] == 0


async def test_nobody_notices_a_switch(nats_url: str, database_url: str) -> None:
    """Queries all the time, on two instances, while the log grows and the live tables change their place five times."""
    given = environment(nats_url, database_url)
    async with (
        folded(database_url) as pool,
        running("projector", given, "projector-1"),
        running("projector", given, "projector-2"),
        connect(nats_url, "test") as bus,
    ):
        query, counted, stop = QueryClient(bus), 0, asyncio.Event()

        async def ask(name: str, holds: str, question: dict[str, Any]) -> None:
            nonlocal counted
            last = 0
            while not stop.is_set():
                answer = await query.ask("projector", name, {**question, "min_seq": last})
                assert answer[holds]
                assert answer["at"] >= last
                last, counted = answer["at"], counted + 1

        async def write() -> None:
            while not stop.is_set():
                await filled(pool, 20)
                await asyncio.wait({asyncio.create_task(stop.wait())}, timeout=0.05)

        async with asyncio.TaskGroup() as group:
            for question in QUESTIONS * 2:
                group.create_task(ask(*question))
            group.create_task(write())
            seen = set()
            work = Rebuild(pool, PAGE, lambda _done, _goal: None)
            for _ in range(5):
                schema = await work.candidate()
                await work.fill(schema)
                compared = await work.compare(schema, 5)
                assert compared
                assert all(one.same for one in compared), compared
                await work.switch(schema)
                seen.add(await live_name(pool))
                already = counted
                await eventually(lambda already=already: counted > already + 20)
            async with pool.connect() as connection:
                kept = await schemas.others(connection)
            await schemas.drop(pool, kept)
            already = counted
            await eventually(lambda: counted > already + 20)
            stop.set()
        assert len(seen) == 5
        await filled(pool, 10)
        async with pool.connect() as connection:
            head = (await connection.exec_driver_sql("SELECT seq FROM log.head")).scalar_one()
        assert (await query.ask("projector", "snapshot", {"session_id": "s0", "min_seq": head}))["at"] == head
        async with pool.connect() as connection:
            deadlocks = await connection.exec_driver_sql(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            )
            assert deadlocks.scalar_one() == 0


async def test_a_killed_rebuild_goes_on_where_it_was(database_url: str, tmp_path: Path) -> None:
    async with folded(database_url, 3000) as pool:
        before = await live_name(pool)
        words = ("rebuild", "--page-events", "25", "--database-url", database_url)
        command = process.Command((sys.executable, "-m", "services.ops", *words), CLEAN)
        killed = process.spawn(command, tmp_path / "rebuild.log")

        async def half_way() -> bool:
            found = [name for name, role in (await names(pool)).items() if role == "candidate"]
            return bool(found) and await Rebuild(pool, PAGE, lambda _done, _goal: None).position(found[0]) >= 500

        await eventually(half_way, 30)
        with pytest.raises(AlreadyRunning):
            async with alone(database_url):
                pass
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert await live_name(pool) == before
        code, said = await run(database_url, "rebuild")
        assert (code, await live_name(pool) != before) == (0, True), said
        filled_now = int(said.split(": ", 1)[1].split()[0])
        assert 0 < filled_now <= 2500, said


async def test_a_projector_that_is_killed_meanwhile_leaves_nothing_to_repair(nats_url: str, database_url: str) -> None:
    given = environment(nats_url, database_url)
    async with folded(database_url) as pool:
        work = Rebuild(pool, PAGE, lambda _done, _goal: None)
        schema = await work.candidate()
        before = await live_name(pool)
        async with running("projector", given) as killed:
            await filled(pool, 2000)

            async def in_the_middle() -> bool:
                return await work.position(before) > 300

            await eventually(in_the_middle)
            killed.kill()
            await work.fill(schema)
        async with running("projector", given, "projector-2"):
            await work.fill(schema)
            assert all(one.same for one in await work.compare(schema, 5))
            await work.switch(schema)
            await filled(pool, 10)

            async def caught_up() -> bool:
                return await work.position(schema) == 2310

            await eventually(caught_up)
        assert (await run(database_url, "verify-read-models"))[0] == 0


async def test_a_newer_release_fills_its_tables_while_the_older_one_answers(database_url: str) -> None:
    async with folded(database_url) as pool:
        old = await live_name(pool)
        await execute(database_url, "UPDATE read_meta.schemas SET version = version - 1")
        with pytest.raises(errors.Unavailable):
            await live_name(pool)
        work = Rebuild(pool, PAGE, lambda _done, _goal: None)
        schema = await work.candidate()
        await work.fill(schema)
        compared = await work.compare(schema, 5)
        assert [one.table for one in compared if one.live.rows] == ["sessions", "chats", "participants", "messages"]
        assert all(one.same for one in compared)
        assert await work.switch(schema) is None
        assert await names(pool) == {old: "live", schema: "live"}
        assert await live_name(pool) == schema
        code, said = await run(database_url, "rebuild", "--drop")
        assert (code, await names(pool)) == (0, {schema: "live"}), said


async def test_a_release_without_tables_refuses_until_they_are_filled(nats_url: str, database_url: str) -> None:
    given = environment(nats_url, database_url) | {"ANTIPHON_PAGE_EVENTS": "10"}
    async with folded(database_url, 1500), connect(nats_url, "test") as bus:
        await execute(database_url, "UPDATE read_meta.schemas SET version = version - 1")
        async with running("projector", given, wait_ready=False):
            refused: list[errors.Unavailable] = []

            async def answered() -> dict[str, Any] | None:
                try:
                    answer: dict[str, Any] = await QueryClient(bus).ask("projector", "stats", {"session_id": "s2"}, 1.0)
                except errors.Unavailable as error:
                    refused.append(error)
                    return None
                return answer

            answer = await eventually(answered, 30)
        assert answer is not None
        assert (answer["at"], answer["messages"]["total"]) == (1500, 499)
        assert any("no read models yet" in str(error) for error in refused)
