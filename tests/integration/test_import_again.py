"""An import is started again: after it was killed, after the source went on, and beside people who talk already."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ops import logbook
from shared import ids
from shared.bus.connection import Bus
from shared.bus.streams import wait_for_events
from shared.events import MessagePosted, wrap
from tests.support import old_systems
from tests.support.conversation import put
from tests.support.eventually import eventually
from tests.support.gateways import read_models, talking
from tests.support.logs import environment, log_head, reaches, surroundings
from tests.support.services import CLEAN, running

Surroundings = tuple[Bus, AsyncEngine]


class Mover:
    """Somebody who moves from one system to the other."""

    def __init__(self, directory: Path, nats_url: str, database_url: str) -> None:
        self.source = directory / "old.db"
        self._report = directory / "report.json"
        where = ("--database-url", database_url, "--nats-url", nats_url, "--report", str(self._report))
        self._words = ("-m", "services.ops", "import", str(self.source), *where)

    async def begins(self) -> asyncio.subprocess.Process:
        devnull = asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(
            sys.executable, *self._words, env=CLEAN, stdout=devnull, stderr=devnull
        )

    async def moves(self) -> tuple[int, dict[str, Any]]:
        """The exit code, and the report."""
        code = await (await self.begins()).wait()
        report: dict[str, Any] = orjson.loads(self._report.read_bytes())
        return code, report

    def changes(self, statement: str, *values: object) -> None:
        connection = sqlite3.connect(self.source)
        connection.execute(statement, values)
        connection.commit()
        connection.close()


@pytest.fixture
def mover(tmp_path: Path, nats_url: str, database_url: str) -> Mover:
    return Mover(tmp_path, nats_url, database_url)


@pytest.fixture
async def around(nats_url: str, database_url: str) -> AsyncIterator[Surroundings]:
    async with (
        running("history", environment(nats_url, database_url)),
        surroundings(nats_url, database_url) as (bus, engine),
    ):
        await wait_for_events(bus.js)
        yield bus, engine


async def test_killed_and_interrupted_in_the_middle_it_comes_to_the_same(mover: Mover, around: Surroundings) -> None:
    bus, engine = around
    rows = old_systems.instances(100, 100)
    old_systems.sqlite(mover.source, old_systems.INSTANCES, rows)

    async def stored() -> int:
        return int((await bus.js.stream_info("EVENTS")).state.messages)

    async def beyond(count: int) -> bool:
        return await stored() > count

    for number in (signal.SIGKILL, signal.SIGINT):
        before = await stored()
        process = await mover.begins()
        await eventually(partial(beyond, before), 60)
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), 20) != 0
        assert await stored() < 10_166, "it was in the middle"
    code, report = await mover.moves()
    assert (code, report["same"], report["messages"], report["messages_in_log"]) == (0, True, 10_000, 10_000)
    assert report["digest_source"] == report["digest_log"]
    assert report["known_events"] > 0
    assert report["known_events"] + report["new_events"] == 10_166
    async with engine.connect() as connection:
        doubled = "SELECT count(*) FROM (SELECT event_id FROM log.events GROUP BY 1 HAVING count(*) > 1) AS twice"
        assert (await connection.execute(text(doubled))).scalar_one() == 0
    assert await log_head(engine) == 10_166, "sessions, messages, and one receipt of each owner"


async def test_what_changed_in_the_source_comes_along_or_is_told(mover: Mover, around: Surroundings) -> None:
    bus, engine = around
    old_systems.sqlite(mover.source, old_systems.INSTANCES, old_systems.instances(3, 5))
    assert (await mover.moves())[0] == 0
    new = 'INSERT INTO "ChatMessages" VALUES (99, ?, ?, ?, 0, ?, NULL)'
    mover.changes(new, "session-00000001", "Ольга", "вдогонку", old_systems.at(5000))
    code, report = await mover.moves()
    assert (code, report["new_events"], report["same"]) == (0, 2, True), "the message, and that it was read there"

    mover.changes('UPDATE "ChatMessages" SET "Content" = ? WHERE "Id" = 6', "changed")
    mover.changes('DELETE FROM "ChatMessages" WHERE "Id" = 10')
    code, report = await mover.moves()
    told = {(one["session_id"], one["what"]) for one in report["differences"]}
    assert (code, report["new_events"], report["same"]) == (1, 0, False)
    assert told == {
        ("session-00000001", "the log says something else"),
        ("session-00000002", "it is no longer in the source"),
    }
    assert "6" in {one["key"] for one in report["differences"]}

    # Somebody writes one more into the log in the import's name: the comparison is not blind to it.
    forged = MessagePosted(chat_id=ids.uuid7(), content="never said")
    envelope = wrap(forged, event_id=ids.uuid7(), session_id="session-00000000", source="import/instances", actor="eve")
    await reaches(engine, (await put(bus, envelope)).seq)
    code, report = await mover.moves()
    assert (code, envelope.id in {one["key"] for one in report["differences"]}) == (1, True)


async def test_a_bus_that_goes_away_ends_it_in_one_sentence(
    mover: Mover, nats_url: str, database_url: str, tmp_path: Path
) -> None:
    old_systems.sqlite(mover.source, old_systems.INSTANCES, old_systems.instances(3, 5))
    async with surroundings(nats_url, database_url):
        code = await (await mover.begins()).wait()
    assert code == 1, "no stream: Antiphon was never up"


async def test_people_go_on_where_they_stopped_in_the_old_system(
    mover: Mover, nats_url: str, database_url: str
) -> None:
    old_systems.sqlite(mover.source, old_systems.INSTANCES, old_systems.instances(3, 5))
    async with read_models(nats_url, database_url) as two:
        code, _ = await mover.moves()
        assert code == 0
        async with (
            talking(two, "user-1", "user-1") as (here, there),
            surroundings(nats_url, database_url) as (_, engine),
        ):
            session_id, head = "session-00000001", await log_head(engine)
            listed = await eventually(partial(_listed, there, 5), 20)
            was = (await here.call("subscribe", channel=f"session:{session_id}"))["data"]
            assert [one["content"] for one in was["messages"]] == [
                said.replace("\x00", "\N{REPLACEMENT CHARACTER}") for said in old_systems.SAID
            ]
            assert (listed["session_id"], listed["title"]) == (session_id, "Беседа 1")
            assert listed["unread"] == 0, "nothing that was said in the old system is news"
            sent = await there.send_message(session_id, "и дальше здесь")
            assert sent["seq"] > head
            chat_id = was["active_chat"]
            assert (await eventually(partial(_listed, here, 6), 20))["unread"] == 0
            page = await here.rpc("chat.history", session_id=session_id, chat_id=chat_id, limit=3)
            assert (page["total"], page["messages"][-1]["content"]) == (6, "и дальше здесь")
            await here.rpc("receipt.read", id=ids.uuid7(), session_id=session_id, up_to_seq=sent["seq"])
            first = [row async for row in logbook.rows(engine, session_id, 0, head)]
            past = await there.rpc("session.at", session_id=session_id, seq=first[2]["seq"])
            assert [one["content"] for one in past["messages"]] == list(old_systems.SAID[:2])
        code, report = await mover.moves()
        assert (code, report["new_events"], report["same"]) == (0, 0, True), "what is said here does not disturb it"


async def _listed(client: Any, messages: int) -> dict[str, Any]:
    found: list[dict[str, Any]] = (await client.rpc("session.list"))["sessions"]
    return found[0] if found and found[0]["message_count"] == messages else {}
