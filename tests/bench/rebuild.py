"""`python -m tests.bench.rebuild [events]`: `antiphon rebuild` of a whole log, beside a bare copy of its rows."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.projector import live, schemas, tables
from shared import db
from shared.settings import DatabaseSettings
from tests.bench.projector import filled
from tests.support import databases
from tests.support.servers import PostgresServer
from tests.support.services import CLEAN

PART = 100_000  # events made at a time


def rebuilt(url: str) -> str:
    """What `antiphon rebuild` says, and how long it took in all: filling, comparing with the live tables, switching."""
    began = time.monotonic()
    command = [sys.executable, "-m", "services.ops", "rebuild", "--database-url", url]
    done = subprocess.run(command, env=CLEAN | {"COLUMNS": "200"}, stdout=subprocess.PIPE, text=True, check=True)
    return f"{done.stdout}in all {time.monotonic() - began:.1f} s"


async def copied(pool: AsyncEngine) -> tuple[float, int]:
    """Seconds to copy the rows, table by table inside the database, into tables with the same indexes; how many."""
    source, target = await live.ensure(pool), await schemas.add(pool, "scratch")
    began, count = time.monotonic(), 0
    async with db.transaction(pool) as connection:
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        for name, table in tables.READ_MODELS.items():
            columns = ", ".join(f'"{column.name}"' for column in table.columns if column.computed is None)
            copy = f"INSERT INTO {target}.{name} ({columns}) SELECT {columns} FROM {source}.{name}"
            count += (await connection.execute(text(copy))).rowcount
    took_s = time.monotonic() - began
    await schemas.drop(pool, [target], unread=True)
    return took_s, count


async def measure(server: PostgresServer, events: int) -> None:
    """The first run has nothing to compare with; the second one has."""
    await server.ready()
    await databases.make_template(server)
    url = server.url(databases.TEMPLATE)
    async with db.engine(DatabaseSettings(database_url=url)) as pool:
        for at in range(0, events, PART):
            await filled(pool, min(PART, events - at))
        print(rebuilt(url), flush=True)
        print(rebuilt(url), flush=True)
        took_s, count = await copied(pool)
        print(f"the {count} rows copied: {took_s:.1f} s, as {events / took_s:,.0f} events/s", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        found = PostgresServer(Path(name))
        found.launch()
        try:
            uvloop.run(measure(found, int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
        finally:
            found.stop()
