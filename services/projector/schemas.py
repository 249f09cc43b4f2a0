"""The schemas of read models that there are besides the live one: made, put in its place, dropped."""

import asyncio
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.schema import DropSchema

from services.projector import live, store, tables
from services.projector.live import Role, schemas
from shared import db, errors

_PATTERN = r"^read_v\d+(_r\d+)?$"
_EXISTING = text("SELECT nspname FROM pg_namespace WHERE nspname ~ :pattern ORDER BY nspname")
_NOW = func.clock_timestamp()
# Whoever began before the pointer moved may still be reading what it pointed to.
_READERS = text("""
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
      AND xact_start < (SELECT max(since) FROM read_meta.schemas)
""")
_WAIT_S = 15.0
_POLL_S = 0.1


class Gone(errors.Refused):
    """The schema is not there any more"""


class StillRead(errors.Temporary):
    """Somebody still reads from what was live before: try again"""


async def find(connection: AsyncConnection, role: Role) -> str | None:
    """The schema of this version with this role; of several, the one that has it the shortest."""
    query = select(schemas.c.name).where(schemas.c.version == tables.VERSION, schemas.c.role == role)
    found: str | None = (await connection.execute(query.order_by(schemas.c.since.desc()))).scalars().first()
    return found


async def all_with(connection: AsyncConnection, role: Role) -> list[str]:
    """Every schema with this role, of whatever version."""
    return list((await connection.execute(select(schemas.c.name).where(schemas.c.role == role))).scalars())


async def baseline(connection: AsyncConnection) -> str | None:
    """What is live: of this version or, if this version has not been here yet, of the one before it."""
    query = select(schemas.c.name).where(schemas.c.version <= tables.VERSION, schemas.c.role == "live")
    found: str | None = (await connection.execute(query.order_by(schemas.c.version.desc()))).scalars().first()
    return found


async def add(pool: AsyncEngine, role: Role) -> str:
    """A new schema with empty tables. Its name is as good as any."""
    async with db.transaction(pool) as connection:
        await live.lock_and_create(connection)
        taken = set((await connection.execute(_EXISTING, {"pattern": _PATTERN})).scalars())
        taken |= set((await connection.execute(select(schemas.c.name))).scalars())
        name = live.free_name(taken)
        await connection.execute(insert(schemas).values(name=name, version=tables.VERSION, role=role))
        await live.point(connection, name)
        await store.create_in(connection, name)
    return name


async def swap(connection: AsyncConnection, to: str) -> None:
    """`to` is live once the transaction is, and what was live is the previous one.

    Raises:
        Gone: it was dropped meanwhile.
    """
    own = schemas.c.version == tables.VERSION
    before = update(schemas).where(own, schemas.c.role == "live").values(role="previous", since=_NOW)
    await connection.execute(before)
    after = update(schemas).where(own, schemas.c.name == to).values(role="live", since=_NOW)
    if (await connection.execute(after)).rowcount != 1:
        raise Gone(to)


async def forget(connection: AsyncConnection) -> list[str]:
    """What was live before is gone once the transaction is: it would keep the words that were erased since."""
    own = schemas.c.version == tables.VERSION
    query = select(schemas.c.name).where(own, schemas.c.role == "previous")
    kept = list((await connection.execute(query)).scalars())
    for name in kept:
        await connection.execute(DropSchema(name, cascade=True, if_exists=True))
    await connection.execute(delete(schemas).where(schemas.c.name.in_(kept)))
    return kept


async def others(connection: AsyncConnection) -> list[str]:
    """Every schema of read models except the live one of this version."""
    existing = (await connection.execute(_EXISTING, {"pattern": _PATTERN})).scalars()
    now = await live.find(connection)
    return [name for name in existing if name != now]


async def drop(pool: AsyncEngine, names: list[str], unread: bool = False) -> None:
    """They are gone, and nobody was reading from them; `unread`: nobody ever did.

    Raises:
        StillRead: somebody was, for longer than a query may take. Nothing was dropped.
    """
    if not unread:
        await _until_unread(pool)
    for name in names:
        async with db.transaction(pool) as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            await connection.execute(DropSchema(name, cascade=True, if_exists=True))
            await connection.execute(delete(schemas).where(schemas.c.name == name))


async def _until_unread(pool: AsyncEngine) -> None:
    ends_at = asyncio.get_running_loop().time() + _WAIT_S
    while True:
        async with pool.connect() as connection:
            readers: Any = (await connection.execute(_READERS)).scalar()
        if not readers:
            return
        if asyncio.get_running_loop().time() > ends_at:
            raise StillRead(f"{readers} transactions")
        await asyncio.sleep(_POLL_S)
