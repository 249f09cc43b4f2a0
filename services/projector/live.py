"""Which schema answers: a pointer in the database that the fold and every query follow.

A release folds into tables of its version, and may have several schemas of them: the live one, the one that was live
before (kept until it is dropped), and one that is being filled. The pointer moves in one transaction that also holds
the live checkpoint, so a fold that waited for it finds out before it writes. Queries that have begun end where they
began.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Literal

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, MetaData, Table, Text, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.schema import CreateSchema

from services.projector import store, tables
from services.projector.quick import Quick
from shared import db, errors

Role = Literal["live", "previous", "candidate", "scratch"]

META = "read_meta"
_CREATE_LOCK = 0x616E7469_00000004
_UNDEFINED_TABLE = "42P01"

_metadata = MetaData(schema=META)

schemas = Table(
    "schemas",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("role", Text, CheckConstraint("role IN ('live', 'previous', 'candidate', 'scratch')"), nullable=False),
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("one_live_a_version", schemas.c.version, unique=True, postgresql_where=text("role = 'live'"))

_LIVE = select(schemas.c.name).where(schemas.c.version == tables.VERSION, schemas.c.role == "live")


class NotLive(errors.Temporary):
    """Another schema is live by now"""


async def ensure(pool: AsyncEngine) -> str:
    """The live schema of this version. If there was none, it is there now, empty."""
    async with db.transaction(pool) as connection:
        await lock_and_create(connection)
        found = await find(connection)
        if found is None:
            found = free_name(set((await connection.execute(select(schemas.c.name))).scalars()))
            await connection.execute(insert(schemas).values(name=found, version=tables.VERSION, role="live"))
        await point(connection, found)
        await store.create_in(connection, found)
    return found


async def lock_and_create(connection: AsyncConnection) -> None:
    """The table of the pointer exists, and until the transaction ends nobody else adds a schema to it."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CREATE_LOCK})
    await connection.execute(CreateSchema(META, if_not_exists=True))
    await connection.run_sync(_metadata.create_all)


def free_name(taken: set[str]) -> str:
    """A name for a schema of this version."""
    name, number = tables.SCHEMA, 2
    while name in taken:
        name, number = f"{tables.SCHEMA}_r{number}", number + 1
    return name


async def find(connection: AsyncConnection) -> str | None:
    """The live schema of this version, as this transaction sees it."""
    found: str | None = (await connection.execute(_LIVE)).scalar()
    return found


async def name(connection: AsyncConnection) -> str:
    """The live schema, as this transaction sees it.

    Raises:
        Unavailable: no projector of this version has ever run here.
    """
    try:
        found = await find(connection)
    except ProgrammingError:
        found = None
    if found is None:
        raise errors.Unavailable("there are no read models yet")
    return found


async def require(quick: Quick, schema: str) -> None:
    """Raises `NotLive` unless `schema` is the live one; call it with the schema's checkpoint locked."""
    if [row["name"] for row in await quick.fetch(_LIVE)] != [schema]:
        raise NotLive(schema)


@contextmanager
def until_replaced() -> Iterator[None]:
    """Ends the block without an error once the schema that it works on is not live any more, or is gone."""
    try:
        yield
    except NotLive:
        pass
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _UNDEFINED_TABLE:
            raise


async def point(connection: AsyncConnection, schema: str) -> None:
    """Afterwards statements of this connection are about the tables in `schema`."""
    await connection.execution_options(schema_translate_map={None: schema})


@asynccontextmanager
async def reading(pool: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A read-only snapshot of the live tables.

    Raises:
        Unavailable: there are none.
    """
    async with db.snapshot(pool) as connection:
        await point(connection, await name(connection))
        yield connection
