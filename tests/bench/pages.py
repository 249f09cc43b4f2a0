"""`python -m tests.bench.pages [events]`: what a page of a long session costs, beside one of a session of a hundred."""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import uvloop

from services.history import sql
from services.history.pages import Pages, Read
from shared import db
from shared.settings import DatabaseSettings
from tests.support import databases
from tests.support.servers import PostgresServer

SHORT = 100
PAGE = 50
READS = 300
_FILL = """
INSERT INTO log.events (seq, epoch, session_id, event_id, actor, type, occurred_at, stream_time_ns, subject, body,
                        body_digest, hash)
SELECT n, 'bench', s, n::text, 'ada', 'message.posted.v1', now(), n, 'event.' || s,
       convert_to('{"data":{"content":"' || repeat('x', 400) || '"}}', 'UTF8'), sha256('x'), sha256('x')
FROM (SELECT n, CASE WHEN n % $2 = 0 AND n / $2 <= $3 THEN 'short' ELSE 'long' END AS s
      FROM generate_series(1::bigint, $1::bigint) n) made
"""


async def page_ms(pages: Pages, session_id: str, positions: list[int]) -> tuple[float, float]:
    """Median and 99th percentile of a page behind one of the positions, in milliseconds."""
    took: list[float] = []
    for number in range(READS):
        request = Read(session_id=session_id, after=positions[number % len(positions)], limit=PAGE)
        began = time.perf_counter()
        await pages.read(request)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    return statistics.median(took), took[int(len(took) * 0.99)]


async def blocks(connection: "asyncpg.Connection[asyncpg.Record]", session_id: str, after: int) -> int:
    """How many blocks of the database a page touches: the same on a busy machine."""
    arguments = {":session_id": f"'{session_id}'", ":after": str(after), ":limit": str(PAGE), ":max_bytes": "524288"}
    statement = sql.READ_SESSION
    for name, value in arguments.items():
        statement = statement.replace(name, value)
    (told,) = json.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"))
    return int(told["Plan"]["Shared Hit Blocks"] + told["Plan"]["Shared Read Blocks"])


async def measure(server: PostgresServer, events: int) -> None:
    """Pages of fifty by turns; the long one's from its beginning, its middle and its end."""
    await server.ready()
    await databases.make_template(server)
    url = server.url(databases.TEMPLATE)
    connection = await asyncpg.connect(url)
    await connection.execute(_FILL, events, events // SHORT, SHORT)
    await connection.execute("ANALYZE log.events")
    touched = [await blocks(connection, "short", 0)]
    touched += [await blocks(connection, "long", at) for at in (0, events // 2, events - 60)]
    print(f"blocks touched by a page: of the short session {touched[0]}, of the long one {touched[1:]}", flush=True)
    await connection.close()
    async with db.engine(DatabaseSettings(database_url=url)) as engine:
        pages = Pages(engine)
        places = {
            "beginning": [0, 1000],
            "middle": [events // 2 + n for n in range(50)],
            "end": [events - 60 - n for n in range(50)],
        }
        await page_ms(pages, "long", places["end"])
        for _ in range(3):
            short, short_p99 = await page_ms(pages, "short", [0])
            told = [f"session of {SHORT}: {short:.2f} ms (p99 {short_p99:.2f})"]
            for name, positions in places.items():
                median, p99 = await page_ms(pages, "long", positions)
                told.append(f"{name} of {events - SHORT}: {median:.2f} (p99 {p99:.2f})")
            print("; ".join(told), flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        found = PostgresServer(Path(name))
        found.launch()
        try:
            uvloop.run(measure(found, int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
        finally:
            found.stop()
