"""Another system's database, opened for reading only: SQLite or PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Integer,
    MetaData,
    Select,
    Table,
    Uuid,
    event,
    inspect,
    make_url,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.types import NullType

from services.ops import errors

PAGE_ROWS = 1000
_READ_ONLY = {"default_transaction_read_only": "on", "application_name": "antiphon import"}


class Database:
    """Its tables, by the names they have there, and their rows as they come."""

    def __init__(self, engine: AsyncEngine, tables: dict[str, Table]) -> None:
        self._engine = engine
        self._tables = tables

    def columns(self, table: str) -> set[str]:
        """The names of the table's columns; none if there is no such table."""
        found = self._tables.get(table)
        return {column.name for column in found.columns} if found is not None else set()

    def table(self, name: str) -> Table:
        """The table.

        Raises:
            BadImport: there is none of this name.
        """
        if name not in self._tables:
            raise errors.BadImport(reason=f"the source has no table {name}")
        return self._tables[name]

    async def rows(self, query: Select[Any]) -> AsyncIterator[dict[str, Any]]:
        """The rows, a page at a time from the server's cursor, so that memory stays flat."""
        async with self._engine.connect() as connection:
            result = await connection.stream(query, execution_options={"yield_per": PAGE_ROWS})
            async for row in result.mappings():
                yield dict(row)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """The source; a plain path is a SQLite file. Nothing can be written through it. A PostgreSQL URL may end in
    `?search_path=NAME`.

    Raises:
        BadImport: it can't be opened or read.
    """
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            tables = await connection.run_sync(_reflected)
        yield Database(engine, tables)
    except (SQLAlchemyError, OSError) as error:
        raise errors.BadImport(reason=str(error).strip().splitlines()[0]) from error
    finally:
        await engine.dispose()


def _engine(url: str) -> AsyncEngine:
    if "://" not in url or url.startswith("sqlite"):
        path = Path(url.split(":///", 1)[-1])
        if not path.is_file():
            raise errors.BadImport(reason=f"there is no file {path}")
        made = create_async_engine(f"sqlite+aiosqlite:///file:{path.absolute()}?mode=ro&uri=true")

        @event.listens_for(made.sync_engine, "connect")
        def _as_stored(connection: Any, _record: Any) -> None:
            connection.driver_connection.text_factory = lambda raw: raw.decode(errors="replace")

        return made
    address = make_url(url).set(drivername="postgresql+asyncpg")
    search = {name: str(address.query[name]) for name in ("search_path",) if name in address.query}
    settings = {**_READ_ONLY, **search}
    return create_async_engine(address.difference_update_query(search), connect_args={"server_settings": settings})


def _reflected(connection: Connection) -> dict[str, Table]:
    metadata = MetaData()
    metadata.reflect(bind=connection, only=inspect(connection).get_table_names(), resolve_fks=False)
    for table in metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, DateTime | Date | JSON):  # what SQLite holds is seen when it is read
                column.type = column.type if connection.dialect.name == "postgresql" else NullType()
    return {table.name: table for table in metadata.tables.values()}


def is_key(column: Column[Any], key: str) -> ColumnElement[bool]:
    """Whether the column holds this key, which was made a text."""
    of = int if isinstance(column.type, Integer) else UUID if isinstance(column.type, Uuid) else str
    return column == of(key)


def moment(value: Any) -> datetime:
    """A time of the source in UTC: a datetime, ISO text, or Unix seconds (milliseconds if they are that large).

    Raises:
        ValueError: it is none of these.
    """
    match value:
        case datetime():
            found = value
        case bool():
            raise ValueError("no time")
        case int() | float():
            found = datetime.fromtimestamp(value / 1000 if value > 10**11 else value, UTC)
        case str() if value.strip():
            found = datetime.fromisoformat(value.strip())
        case _:
            raise ValueError("no time")
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def decoded(value: Any) -> Any:
    """JSON, from text or already decoded; None for nothing.

    Raises:
        ValueError: it is text and not JSON.
    """
    if isinstance(value, str | bytes):
        return orjson.loads(value) if value.strip() else None
    return value
