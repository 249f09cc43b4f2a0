"""Bringing another system's conversations in: `antiphon import` of a generated SQLite database, twice.

`python -m tests.bench.moving [sessions] [messages of each]`; a million messages if nothing is said.
"""

import asyncio
import os
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from tests.support.old_systems import INSTANCES, SAID, at
from tests.support.system import System, whole_system


def generate(path: Path, sessions: int, messages: int) -> None:
    """A database of the layout `instances`: Cyrillic and English by turns, some 120 characters each."""
    connection = sqlite3.connect(path)
    connection.executescript(INSTANCES)
    connection.execute('CREATE INDEX of_session ON "ChatMessages" ("SessionId", "CreatedAt")')
    for n in range(sessions):
        head = (_key(n), f"user-{n % 100}", f"place-{n}", f"Беседа {n}", at(n), at(n + messages))
        connection.execute('INSERT INTO "ChatSessions" VALUES (?, ?, ?, ?, ?, ?)', head)
        connection.executemany('INSERT INTO "ChatMessages" VALUES (?, ?, ?, ?, ?, ?, ?)', _messages(n, messages))
    connection.commit()
    connection.close()


def _key(n: int) -> str:
    return f"0190a1b2-0000-7000-8000-{n:012d}"


def _messages(n: int, messages: int) -> Iterator[tuple[Any, ...]]:
    for m in range(messages):
        kind, author = ((0, "Ольга"), (2, "Planner"))[m % 2]
        said = f"{SAID[m % len(SAID)]} Message {m} of session {n}: what was said here is as long as people write it."
        yield n * messages + m, _key(n), author, said, kind, at(n + m), None


async def measure(directory: Path, sessions: int, messages: int) -> Iterator[str]:
    """A line about the first run and one about the second, which finds everything there."""
    source = directory / "old.db"
    generate(source, sessions, messages)
    environment = {"ANTIPHON_POSTGRES_DURABLE": "on", "ANTIPHON_LOG_LEVEL": "warning"}
    async with whole_system(directory / "data", environment=environment) as system:
        return iter([await _once(system, source), await _once(system, source)])


async def _once(system: System, source: Path) -> str:
    report = source.with_suffix(".json")
    words = ("import", str(source), "--data-dir", str(system.data_dir), "--report", str(report))
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.ops", *words, stdout=-3)
    assert await process.wait() == 0
    took_s, found = time.monotonic() - began, orjson.loads(report.read_bytes())
    assert found["same"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return (
        f"import {found['messages']:,} messages, {found['new_events']:,} new events: {took_s:.1f} s, "
        f"{found['messages'] / took_s:,.0f}/s, {peak} MiB at the peak; load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:3]] or [5000, 200]
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        for line in asyncio.run(measure(Path(name), *given)):
            print(line, flush=True)
