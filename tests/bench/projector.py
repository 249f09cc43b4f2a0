"""`python -m tests.bench.projector [events [messages]]`: folding, beside the same rows inserted without folding; and
snapshots of a short and of a very long session. 0 leaves one of both out.
"""

import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import uvloop
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.projector import live, store, tables
from services.projector.projection import Projection
from shared import db, ids
from shared.events import Envelope, ReceiptRead
from shared.logging import setup
from shared.settings import DatabaseSettings
from tests.support import databases
from tests.support.conversation import answered, created, envelope, posted
from tests.support.folding import append, asking
from tests.support.servers import PostgresServer

SESSIONS = 50
PAGE = 500
BATCH = 2000
RUNS = 3
SNAPSHOTS = 200
WORDS = "the quick brown fox jumps over a lazy dog while быстрая лиса прыгает через ленивую собаку and nobody minds "


async def filled(engine: AsyncEngine, events: int) -> None:
    """A log of conversations: a message, its answer's begin and end, a receipt; in many sessions by turns."""
    story: list[Envelope] = [created(f"s{n}") for n in range(SESSIONS)]
    for turn in range((events - SESSIONS) // 4):
        session, reply = f"s{turn % SESSIONS}", ids.uuid7()
        story.append(posted(session, f"{turn} {WORDS}", reply_id=reply))
        story += answered(session, reply, f"{turn} {WORDS * 3}")
        story.append(envelope(session, ReceiptRead(user="ada", up_to_seq=len(story))))
    for at in range(0, len(story), BATCH):
        await append(engine, story[at : at + BATCH])


async def folded(engine: AsyncEngine) -> tuple[float, int]:
    """Seconds for the whole log, and its events."""
    await store.clear(engine)
    projection, events, began = Projection(engine), 0, time.monotonic()
    while count := (await projection.fold(PAGE)).events:
        events += count
    return time.monotonic() - began, events


async def inserted(engine: AsyncEngine) -> float:
    """Seconds to insert the rows that the fold has made, as many at a time in a transaction, with the same indexes."""
    rows: dict[str, list[dict[str, Any]]] = {}
    async with engine.connect() as connection:
        for name, table in tables.READ_MODELS.items():
            held = [column for column in table.columns if column.computed is None]
            rows[name] = [dict(row) for row in (await connection.execute(select(*held))).mappings()]
    await store.clear(engine)
    began = time.monotonic()
    for name, table in tables.READ_MODELS.items():
        for at in range(0, len(rows[name]), PAGE):
            async with db.transaction(engine) as connection:
                await connection.execute(insert(table), rows[name][at : at + PAGE])
    return time.monotonic() - began


def cpu_s(server: PostgresServer) -> tuple[float, float]:
    """Seconds of processor time so far: of this process, and of the database's."""
    theirs = [child.cpu_times() for child in psutil.Process(server.pid).children()]
    return time.process_time(), sum(times.user + times.system for times in theirs)


async def compare(server: PostgresServer, url: str, events: int) -> None:
    """Prints what folding takes, by turns with bare inserts."""
    async with db.engine(DatabaseSettings(database_url=url)) as pool:
        await filled(pool, events)
        engine = store.in_schema(pool, await live.ensure(pool))
        for _ in range(RUNS):
            ours, theirs = cpu_s(server)
            fold_s, count = await folded(engine)
            ours, theirs = (after - before for before, after in zip((ours, theirs), cpu_s(server), strict=True))
            insert_s = await inserted(engine)
            print(
                f"fold {count} events: {fold_s:.1f} s, {count / fold_s:,.0f}/s; its rows inserted: {insert_s:.1f} s, "
                f"as {count / insert_s:,.0f} events/s; folding takes {fold_s / insert_s:.1f} times as long; CPU time "
                f"{ours:.1f} s and the database's {theirs:.1f} s, one after the other {count / (ours + theirs):,.0f}/s;"
                f" peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB",
                flush=True,
            )


async def lengthen(pool: AsyncEngine, session_id: str, messages: int) -> None:
    """The session's only message, so many times, put in directly, and the counters that go with them."""
    names = [c.name for c in tables.messages.columns if c.computed is None]
    own = {
        "message_id": "md5(n::text)", "created_seq": "n", "content_seq": "n", "seq": "n", "after_seq": "n - 1",
        "content": "content || ' ' || n",
    }  # fmt: skip
    columns = ", ".join(own.get(name, f"m.{name}") for name in names)
    schema = await live.ensure(pool)
    async with db.transaction(pool) as connection:
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        await connection.execute(
            text(
                f"INSERT INTO {schema}.messages ({', '.join(names)}) SELECT {columns} "
                f"FROM {schema}.messages m, generate_series(1000, 998 + :messages) n WHERE m.session_id = :session"
            ),
            {"messages": messages, "session": session_id},
        )
        for table in ("sessions", "chats"):
            await connection.execute(
                text(f"UPDATE {schema}.{table} SET message_count = :messages WHERE session_id = :session"),
                {"messages": messages, "session": session_id},
            )
    async with pool.connect() as connection:
        options = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await options.execute(text(f"VACUUM ANALYZE {schema}.messages"))


async def flat(url: str, messages: int) -> None:
    """Prints what a snapshot takes of a session of a hundred messages and of one of very many, by turns."""
    async with asking(url, statement_timeout_s=600) as projector:
        for name, length in (("short", 100), ("long", messages)):
            await projector.told(created(name), posted(name, WORDS))
            await lengthen(projector.pool, name, length)
        times: dict[str, list[float]] = {"short": [], "long": []}
        sizes: dict[str, int] = {}
        for _ in range(SNAPSHOTS):
            for name, took in times.items():
                began = time.perf_counter()
                sizes[name] = len((await projector.ask("snapshot", session_id=name))["messages"])
                took.append((time.perf_counter() - began) * 1000)
        assert sizes == {"short": 50, "long": 50}
        short, long = statistics.median(times["short"]), statistics.median(times["long"])
        print(
            f"snapshot of 100 messages: {short:.1f} ms; of {messages}: {long:.1f} ms, {long / short:.2f} times as long",
            flush=True,
        )


async def search(url: str, messages: int) -> None:
    """Prints what it takes to find a word that is in every message, and one that is in one, among very many."""
    async with asking(url, statement_timeout_s=600) as projector:
        for n in range(SESSIONS):
            await projector.told(created(f"s{n}"), posted(f"s{n}", f"{WORDS} {n}"))
        await lengthen(projector.pool, "s0", messages // 2)
        await lengthen(projector.pool, f"s{SESSIONS - 1}", messages // 2)
        for query in ("fox", str(messages // 4), "nowhere"):
            took = []
            for _ in range(20):
                began = time.perf_counter()
                page = await projector.ask("sessions", user="ada", query=query)
                took.append((time.perf_counter() - began) * 1000)
            count = len(page["sessions"])
            print(f"search for {query} among {messages} messages: {count} sessions, {statistics.median(took):.1f} ms")


async def measure(server: PostgresServer, events: int, messages: int) -> None:
    """Each in a database of its own."""
    await server.ready()
    await databases.make_template(server)
    if events:
        async with databases.cloned(server, databases.TEMPLATE) as url:
            await compare(server, url, events)
    if messages:
        async with databases.cloned(server, databases.TEMPLATE) as url:
            await flat(url, messages)
        async with databases.cloned(server, databases.TEMPLATE) as url:
            await search(url, messages)


if __name__ == "__main__":
    setup("bench", "bench", "warning", "console")
    given = [int(argument) for argument in sys.argv[1:]]
    events, messages = (given + [40_000, 1_000_000][len(given) :])[:2]
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        found = PostgresServer(Path(name))
        found.launch()
        try:
            uvloop.run(measure(found, events, messages))
        finally:
            found.stop()
