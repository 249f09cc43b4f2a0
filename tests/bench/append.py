"""`python -m tests.bench.append [events]`: how fast history appends, beside a bare INSERT of the same rows."""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import log
from services.history.entry import Entry
from shared import db, subjects
from shared.events import encode
from shared.settings import DatabaseSettings
from tests.support import databases
from tests.support.conversation import created, posted
from tests.support.servers import PostgresServer

BATCH = 1000
ROUNDS = 10
_BARE_TABLE = "CREATE TABLE IF NOT EXISTS public.bare (LIKE log.events INCLUDING ALL)"
_BARE = """
INSERT INTO public.bare (seq, epoch, session_id, event_id, actor, type, occurred_at, stream_time_ns, subject, reply_id,
                         body, body_digest, hash, duplicate_of, malformed)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                     $8::bigint[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bigint[],
                     $15::boolean[])
ON CONFLICT DO NOTHING
"""
_ROWS = """
SELECT seq, epoch, session_id, event_id, actor, type, occurred_at, stream_time_ns, subject, reply_id, body, body_digest,
       hash, duplicate_of, malformed
FROM log.events WHERE seq > $1 AND seq <= $2 ORDER BY seq
"""


def entries(after: int, count: int) -> list[Entry]:
    """So many events as they come from the stream, in fifty sessions."""
    made = [
        created(f"s{n}")
        if after == 0 and n < 50
        else posted(f"s{n % 50}", f"message {n} of some length, as people say")
        for n in range(count)
    ]
    return [
        Entry(seq, 1_700_000_000_000_000_000 + seq, subjects.event(it.subject), encode(it))
        for seq, it in enumerate(made, start=after + 1)
    ]


async def appended(engine: AsyncEngine, batches: list[list[Entry]], epoch: str) -> float:
    """Seconds in which history appends the batches."""
    began = time.perf_counter()
    for batch in batches:
        await log.append(engine, epoch, batch)
    return time.perf_counter() - began


async def bare(url: str, after: int, upto: int) -> float:
    """Seconds in which one connection inserts the same rows into a table alike, batch by batch, and nothing else."""
    connection = await asyncpg.connect(url)
    try:
        columns: list[list[list[Any]]] = []
        for first in range(after, upto, BATCH):
            rows = await connection.fetch(_ROWS, first, first + BATCH)
            columns.append([list(column) for column in zip(*rows, strict=True)])
        began = time.perf_counter()
        for batch in columns:
            await connection.execute(_BARE, *batch)
        return time.perf_counter() - began
    finally:
        await connection.close()


async def measure(server: PostgresServer, events: int) -> None:
    """Both by turns over the same rows; the medians, and their ratio."""
    await server.ready()
    await databases.make_template(server)
    url = server.url(databases.TEMPLATE)
    rates: list[tuple[float, float]] = []
    async with db.engine(DatabaseSettings(database_url=url)) as engine:
        connection = await asyncpg.connect(url)
        await connection.execute(_BARE_TABLE)
        await connection.close()
        epoch = (await log.head(engine)).epoch
        for number in range(ROUNDS + 1):
            after = number * events
            batches = [entries(first, BATCH) for first in range(after, after + events, BATCH)]
            took_s = await appended(engine, batches, epoch)
            bare_s = await bare(url, after, after + events)
            if number:  # the first one warms up
                rates.append((events / took_s, events / bare_s))
    ours, theirs = (statistics.median(rate[place] for rate in rates) for place in (0, 1))
    share = statistics.median(mine / other for mine, other in rates)
    print(f"append {ours:,.0f}/s, bare insert {theirs:,.0f}/s, {100 * share:.0f} % (batches of {BATCH})", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        found = PostgresServer(Path(name))
        found.launch()
        try:
            uvloop.run(measure(found, int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
        finally:
            found.stop()
