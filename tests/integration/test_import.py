"""`antiphon import`: what another system held is here, with its times and authors, once."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ops import logbook
from shared import transcript
from shared.bus.streams import wait_for_events
from tests.support import old_systems
from tests.support.conversation import created, put
from tests.support.logs import environment, reaches, surroundings, verified
from tests.support.services import running
from tests.support.system import antiphon


@pytest.fixture
async def here(nats_url: str, database_url: str) -> AsyncIterator[AsyncEngine]:
    async with (
        running("history", environment(nats_url, database_url)),
        surroundings(nats_url, database_url) as (bus, engine),
    ):
        await wait_for_events(bus.js)
        yield engine


@pytest.fixture
def bring(nats_url: str, database_url: str, tmp_path: Path) -> Any:
    async def run(source: Path | str, *words: str) -> dict[str, Any]:
        file = tmp_path / "report.json"
        where = ("--database-url", database_url, "--nats-url", nats_url, "--report", str(file))
        answer = await asyncio.to_thread(antiphon, "import", str(source), *where, *words)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        report: dict[str, Any] = orjson.loads(file.read_bytes())
        return report

    return run


async def told(engine: AsyncEngine, session_id: str) -> dict[str, Any]:
    pages, until = logbook.pages(engine, session_id), await logbook.head(engine)
    written = transcript.write(pages, session_id, until, transcript.FORMATS["json"]())
    document: dict[str, Any] = orjson.loads("".join([piece async for piece in written]))
    return document


def said(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in document["entries"] if one["kind"] == "message"]


async def test_json_in_text_columns_becomes_sessions_once(here: AsyncEngine, bring: Any, tmp_path: Path) -> None:
    source = old_systems.sqlite(tmp_path / "old.db", old_systems.JSON_TEXTS, old_systems.json_texts())
    before = hashlib.sha256(source.read_bytes()).hexdigest()
    planned = await bring(source, "--dry-run", "--owner", "ada")
    assert (planned["new_events"] > 0, await logbook.head(here)) == (True, 0)
    report = await bring(source, "--owner", "ada")
    assert (report["messages"], report["messages_in_log"], report["same"]) == (16, 16, True)
    assert report["digest_source"] == report["digest_log"] == planned["digest_source"]
    assert report["new_events"] == planned["new_events"]
    reasons = {one["key"]: one["reason"] for one in report["broken"]}
    assert set(reasons) == {
        "broken-json-0001", "broken-list-0001", "broken-role-0001[0]", "broken-empty-001[0]", "broken-time-0001",
    }  # fmt: skip
    document = await told(here, "0190a1b2-0000-7000-8000-000000000001")
    messages = said(document)
    assert [one["content"] for one in messages] == list(old_systems.SAID)
    assert messages[1]["time"] == "2024-03-05T09:46:41.000Z"
    assert (messages[0]["author"], messages[1]["role"]) == ("ada", "assistant")
    switches = [one["content"] for one in document["entries"] if "answers from here on" in one.get("content", "")]
    assert switches == ["coordinator answers from here on", "course-planner answers from here on: план"]

    head = await logbook.head(here)
    again = await bring(source, "--owner", "ada")
    assert (again["new_events"], again["known_events"], again["same"]) == (0, report["new_events"], True)
    assert await logbook.head(here) == head
    assert (await verified(here)).seq == head
    assert hashlib.sha256(source.read_bytes()).hexdigest() == before


async def test_instances_keep_their_users_places_and_order(here: AsyncEngine, bring: Any, tmp_path: Path) -> None:
    source = old_systems.sqlite(tmp_path / "old.db", old_systems.INSTANCES, old_systems.instances())
    report = await bring(source)
    assert (report["sessions"], report["messages"], report["same"]) == (3, 15, True)
    assert {one["key"] for one in report["broken"]} == {"15", "16"}
    document = await told(here, "session-00000001")
    assert document["session"]["title"] == "Беседа 1"
    assert document["session"]["owner"] == "user-1"
    assert [one["content"] for one in said(document)] == list(old_systems.SAID)
    assert [one["role"] for one in said(document)] == ["user", "assistant", "system", "user", "assistant"]
    assert (said(document)[0]["author"], said(document)[0]["author_name"]) == ("user-1", "Ольга")
    assert said(document)[1]["metadata"] == {"m": 1}
    assert (await told(here, "session-00000000"))["session"]["participants"] == []


@pytest.mark.parametrize("chats", [True, False])
async def test_chats_types_models_and_tokens_come_along(
    here: AsyncEngine, bring: Any, tmp_path: Path, chats: bool
) -> None:
    source = old_systems.sqlite(
        tmp_path / "old.db",
        old_systems.THREADS if chats else old_systems.THREADS.replace("CREATE TABLE chats", "CREATE TABLE other"),
        old_systems.threads(chats),
    )
    report = await bring(source)
    assert (report["sessions"], report["same"]) == (3, True)
    assert report["messages"] == (24 if chats else 12)
    assert len(report["broken"]) == (3 if chats else 0), "a chat's ai_context is no JSON"
    ids = [row async for row in logbook.rows(here, None, 0, await logbook.head(here)) if "created" in row["type"]]
    first = await told(here, ids[0]["session_id"])
    named = [(one["name"], one["chat_type"]) for one in first["session"]["chats"]]
    assert named == ([("Чат 1", "planning"), ("Чат 2", "discussion")] if chats else [("Main Chat", "discussion")])
    answer = next(one for one in said(first) if one["role"] == "assistant")
    assert (answer["model"], answer["output_tokens"]) == ("gpt-4o", 17)
    types = [row["type"] async for row in logbook.rows(here, None, 0, await logbook.head(here))]
    assert (types.count("session.archived.v1"), types.count("session.deleted.v1")) == (1, 1)


async def test_a_postgresql_source_is_read_the_same_way(
    here: AsyncEngine, bring: Any, database_url: str, tmp_path: Path
) -> None:
    rows = old_systems.instances()
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("CREATE SCHEMA old; SET search_path TO old")
        await connection.execute(old_systems.INSTANCES)
        for table, found in rows.items():
            good = [tuple(_typed(value) for value in row) for row in found if "soon" not in row]
            await connection.copy_records_to_table(table, records=[_without_nul(row) for row in good])
    finally:
        await connection.close()
    report = await bring(f"{database_url}?search_path=old")
    assert (report["sessions"], report["messages"], report["same"]) == (3, 15, True)
    assert said(await told(here, "session-00000001"))[0]["content"] == old_systems.SAID[0]


async def test_a_session_that_is_here_already_is_left_alone(
    here: AsyncEngine, bring: Any, nats_url: str, database_url: str, tmp_path: Path
) -> None:
    async with surroundings(nats_url, database_url) as (bus, _):
        await put(bus, created("session-00000001"))
    await reaches(here, 1)
    source = old_systems.sqlite(tmp_path / "old.db", old_systems.INSTANCES, old_systems.instances())
    report = await bring(source)
    assert "a session of this id is here already" in [one["reason"] for one in report["broken"]]
    assert (report["sessions"], report["messages"], report["same"]) == (3, 10, True)
    assert len((await told(here, "session-00000001"))["entries"]) == 1


async def test_what_is_no_source_is_said_in_one_sentence(nats_url: str, database_url: str, tmp_path: Path) -> None:
    empty = old_systems.sqlite(tmp_path / "empty.db", "CREATE TABLE t (a);", {})
    where = ("--database-url", database_url, "--nats-url", nats_url)
    for words, sentence in (
        ((str(tmp_path / "nowhere.db"),), "there is no file"),
        ((str(empty),), "none of the known layouts"),
        ((str(empty), "--layout", "threads"), "no table chat_sessions"),
        ((str(empty), "--layout", "x"), "json-texts, instances, threads"),
    ):
        answer = await asyncio.to_thread(antiphon, "import", *words, *where)
        assert (answer.returncode, sentence in answer.stderr) == (1, True), answer.stderr


def _typed(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("2024-"):
        return old_systems.datetime.fromisoformat(value)
    return value


def _without_nul(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.replace("\x00", "") if isinstance(value, str) else value for value in row)
