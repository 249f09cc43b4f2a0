"""What other systems really hold: other encodings, half characters, impossible times, ids of any kind, stray rows."""

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.ops.importing.events import Made, Maker, session_id
from services.ops.importing.old import Broken
from services.ops.importing.sources import LAYOUTS
from services.ops.importing.sources.database import decoded, moment, opened
from shared.events import decode
from tests.support import old_systems
from tests.support.old_systems import INSTANCES, JSON_TEXTS, THREADS, at

Read = tuple[dict[str, list[dict[str, Any]]], dict[str, str], list[str]]


async def read(path: Path, layout: str) -> Read:
    """The messages by session, why rows were broken by key, and which were changed."""
    said: dict[str, list[dict[str, Any]]] = {}
    broken: dict[str, str] = {}
    changed: list[str] = []
    async with opened(str(path)) as database:
        source = LAYOUTS[layout](database, "owner")
        async for session in source.sessions():
            if isinstance(session, Broken):
                broken[session.key] = session.reason
                continue
            maker = Maker("old", session)
            made = [*maker.opening(), *map(maker.switch, session.switches)]
            async for old in source.messages(session):
                made.append(old if isinstance(old, Broken) else maker.message(old))
                changed += [old.key] if isinstance(made[-1], Made) and made[-1].changed else []  # type: ignore[union-attr]
            broken |= {one.key: one.reason for one in made if isinstance(one, Broken)}
            recorded = [decode(n, one.body) for n, one in enumerate(made, 1) if isinstance(one, Made)]
            said[session.key] = [
                {**one.envelope.data, "time": one.envelope.time, "actor": one.envelope.actor, "id": one.envelope.id}
                for one in recorded
                if one.envelope.type == "message.posted.v1"
            ]
        broken |= {one.key: one.reason async for one in source.strays()}
    return said, broken, changed


def instances(path: Path, *messages: tuple[Any, ...], session: tuple[Any, ...] = ()) -> Path:
    rows = [(n, "session-1", "Ольга", said, kind, when, more) for n, (said, kind, when, more) in enumerate(messages)]
    head = session or ("session-1", "ada", "place", "Title", at(0), at(1))
    return old_systems.sqlite(path, INSTANCES, {"ChatSessions": [head], "ChatMessages": rows})


async def test_texts_that_are_no_unicode_are_taken_with_a_mark_and_told(tmp_path: Path) -> None:
    path = instances(tmp_path / "a #1%20?.db", ("x", 0, at(0), None), ("BLOB: ёж".encode(), 0, at(1), None))
    connection = sqlite3.connect(path)
    connection.execute(
        'UPDATE "ChatMessages" SET "Content" = CAST(? AS TEXT) WHERE "Id" = 0', ("Привет".encode("cp1251"),)
    )
    connection.commit()
    said, broken, changed = await read(path, "instances")
    assert [one["content"] for one in said["session-1"]] == ["\N{REPLACEMENT CHARACTER}" * 6, "BLOB: ёж"]
    assert (broken, changed) == ({}, ["0"])


async def test_json_as_python_and_others_write_it_is_read(tmp_path: Path) -> None:
    text = '[{"role": "user", "content": "cut \\ud83c", "score": NaN, "big": 123456789012345678901234567890},'
    text += '{"role": "ai", "content": "first", "content": "second"}, "text", {"role": "user", "content": "ё\\u0000"}]'
    deep = "[" * 100_000
    rows: old_systems.Rows = {
        "sessions": [("session-1", text, at(1), at(0)), ("session-2", deep, at(1), at(0))],
        "agent_contexts": [],
    }
    said, broken, changed = await read(old_systems.sqlite(tmp_path / "a.db", JSON_TEXTS, rows), "json-texts")
    assert [one["content"] for one in said["session-1"]] == ["cut \N{REPLACEMENT CHARACTER}", "second", "ё\x00"]
    assert said["session-1"][0]["metadata"]["score"] is None
    assert orjson.dumps(said["session-1"][0]["metadata"]), "numbers are those that every reader can hold"
    assert (set(broken), changed) == ({"session-1[2]", "session-2"}, ["session-1[0]"])


async def test_times_are_what_they_were_or_the_row_is_told(tmp_path: Path) -> None:
    times = {
        "1969-07-20 20:17:40.5": "1969-07-20T20:17:40.500Z",
        "0001-01-01 00:00:00": "0001-01-01T00:00:00.000Z",
        "2024-03-05 09:30:00.1234567": "2024-03-05T09:30:00.123Z",
        "2024-03-05T12:30:00+03:00": "2024-03-05T09:30:00.000Z",
        1709631000: "2024-03-05T09:30:00.000Z",
        1709631000123: "2024-03-05T09:30:00.123Z",
        "soon": "",
        1e300: "",
        "0001-01-01T00:00:00+03:00": "",
    }
    path = instances(tmp_path / "a.db", *((f"{n}", 0, when, None) for n, when in enumerate(times)))
    said, broken, _ = await read(path, "instances")
    wanted = {f"{n}": time for n, time in enumerate(times.values())}
    assert {one["content"]: one["time"] for one in said["session-1"]} == {n: t for n, t in wanted.items() if t}
    assert set(broken) == {n for n, time in wanted.items() if not time}
    assert all(int(one["id"][:8], 16) < 0x0300_0000 for one in said["session-1"]), "no id is of a time to come"


async def test_ids_and_sizes_of_any_kind_stop_nothing(tmp_path: Path) -> None:
    long = "u" * 300
    messages = [("я" * 262_144, 0, at(0), None), ("x" * 262_145, 0, at(1), None), ("\x00" * 200_000, 0, at(2), None)]
    path = instances(tmp_path / "a.db", *messages, session=("session-1", long, "p" * 300, "T" * 300, at(0), None))
    said, broken, _ = await read(path, "instances")
    (kept,) = said["session-1"]
    assert (len(kept["content"]), len(kept["actor"]) <= 128, set(broken)) == (262_144, True, {"1", "2"})
    path = instances(tmp_path / "b.db", ("x", 0, at(0), None), session=("session-1", "", None, None, at(0), None))
    assert (await read(path, "instances"))[0]["session-1"][0]["actor"] != ""
    path = instances(tmp_path / "c.db", ("x", 2, at(0), None), session=("session-1", None, "", "", at(0), None))
    connection = sqlite3.connect(path)
    connection.execute('UPDATE "ChatMessages" SET "Author" = ?', ("svc/llm",))
    connection.commit()
    assert (await read(path, "instances"))[0]["session-1"][0]["actor"] == "imported/svc/llm"


async def test_rows_that_belong_nowhere_are_told_by_key(tmp_path: Path) -> None:
    rows = old_systems.instances(1, 2)
    rows["ChatMessages"].append((77, "no-such-session", "x", "lost?", 0, at(0), None))
    said, broken, _ = await read(old_systems.sqlite(tmp_path / "a.db", INSTANCES, rows), "instances")
    assert broken["77"] == "there is no session no-such-session"
    assert sum(map(len, said.values())) + len(broken) == len(rows["ChatMessages"])
    threads = old_systems.threads()
    threads["chat_messages"].append((7777, 99, None, "user", "lost?", None, None, at(0)))
    threads["chat_messages"].append((7778, 1, 10, "ai", "dear", "m", 2**40, at(0)))
    _, broken, _ = await read(old_systems.sqlite(tmp_path / "b.db", THREADS, threads), "threads")
    assert broken["7777"] == "there is no session 99"
    assert "no number of tokens" in broken["7778"] or "chat 10" in broken["7778"]


async def test_agents_of_any_name_are_handed_over_to(tmp_path: Path) -> None:
    history = json.dumps(["Курсы", {"to": "1st Planner!", "from": "Курсы", "timestamp": at(5)}, {"to": "x", "at": "?"}])
    rows: old_systems.Rows = {"sessions": [(f"session-{n}", "[]", None, at(0)) for n in (1, 2)]}
    rows["agent_contexts"] = [("session-1", "1st Planner!", history[:-23] + "]", "{", at(0), at(0), 1)]
    rows["agent_contexts"] += [
        ("session-2", "x", history, None, at(0), at(0), 1),
        ("gone", "x", None, None, at(0), None, 0),
    ]
    said, broken, _ = await read(old_systems.sqlite(tmp_path / "a.db", JSON_TEXTS, rows), "json-texts")
    assert said == {"session-1": [], "session-2": []}
    assert broken["gone"] == "there is no session of this id"


async def test_a_live_database_is_read_with_what_was_written_last(tmp_path: Path) -> None:
    path = instances(tmp_path / "a.db", ("first", 0, at(0), None))
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute('INSERT INTO "ChatMessages" VALUES (9, ?, ?, ?, 0, ?, NULL)', ("session-1", "Ольга", "last", at(9)))
    writer.commit()
    said, _, _ = await read(path, "instances")
    writer.close()
    assert [one["content"] for one in said["session-1"]] == ["first", "last"]


def test_sessions_keep_ids_that_fit_and_no_two_get_the_same() -> None:
    keys = ["0190a1b2-0000-7000-8000-000000000001", "1", "key-0123456789", "имя сессии", "a b c d e f g", "x" * 65]
    found = [session_id("old", key) for key in keys]
    assert found[0] == keys[0]
    assert len({*found, *(session_id("other", key) for key in keys)}) == 2 * len(keys) - 1
    assert session_id("old", found[1]) != found[1], "an id that was made here is not one of theirs"


@pytest.mark.parametrize("value", [None, "", True, [], "never", float("nan"), float("inf"), 10**40])
def test_what_is_no_time_is_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError):
        moment(value)


def test_datetimes_without_a_zone_are_utc_and_json_may_be_nothing() -> None:
    assert moment(datetime(2024, 3, 5, 9, 30)).isoformat() == "2024-03-05T09:30:00+00:00"
    assert (decoded(""), decoded(b" "), decoded({"a": 1}), decoded("NaN")) == (None, None, {"a": 1}, None)
