"""Read models in a database without a process, what `antiphon` does to them, and what anybody could."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from services.projector import live, schemas, store
from services.projector.projection import Projection
from shared import db
from shared.settings import DatabaseSettings
from tests.support.logs import filled
from tests.support.system import antiphon

PAGE = 200


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


async def typed(url: str, commands: str) -> str:
    """What the commands print; each of them succeeds."""
    words = commands.split()
    assert words.pop(0) == "antiphon"
    code, said = await run(url, *words)
    assert code == 0, said
    return said


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
