"""The read models made anew beside the live ones: compared, switched, taken back, verified."""

import asyncio
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from services.ops import process
from services.projector import schemas
from services.projector.rebuild import AlreadyRunning, Rebuild, alone
from shared.bus.connection import connect
from shared.bus.query import QueryClient
from tests.support.eventually import eventually
from tests.support.logs import environment, filled
from tests.support.readmodels import PAGE, execute, folded, live_name, names, run, typed
from tests.support.services import CLEAN, running

PAGE_TEXT = (Path(__file__).parents[2] / "docs" / "read-models.md").read_text()
QUESTIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("snapshot", "session", {"session_id": "s0"}),
    ("sessions", "sessions", {"user": "ada", "query": "message"}),
    ("chat_history", "messages", {"session_id": "s1", "chat_id": "c1"}),
    ("stats", "messages", {"session_id": "s2"}),
]


async def test_the_commands_of_the_page_rebuild_and_take_it_back(database_url: str) -> None:
    verify, rebuild, back, drop, parked = re.findall(r"```sh\n(.*?)```", PAGE_TEXT, re.DOTALL)
    async with folded(database_url) as pool:
        before = await live_name(pool)
        assert "are what the log says, up to 300" in await typed(database_url, verify)
        said = await typed(database_url, rebuild)
        after = await live_name(pool)
        assert ("messages" in said, "DIFFERS" in said) == (True, False), said
        assert await names(pool) == {before: "previous", after: "live"}
        await filled(pool, 50)
        await typed(database_url, back)
        assert await names(pool) == {before: "live", after: "previous"}
        await typed(database_url, drop)
        assert await names(pool) == {before: "live"}
        assert "no session is parked" in await typed(database_url, parked)
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

        async def goes_on() -> bool:
            answer = await query.ask("projector", "snapshot", {"session_id": "s0"})
            return bool(answer["at"] == head)

        await eventually(goes_on)
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
