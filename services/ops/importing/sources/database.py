"""Another system's database, opened for reading only: SQLite or PostgreSQL."""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote
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
    Numeric,
    Select,
    String,
    Table,
    Uuid,
    cast,
    event,
    exists,
    func,
    inspect,
    literal,
    or_,
    select,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.types import NullType

from services.ops import errors
from shared import db

PAGE_ROWS = 1000
CONNECTIONS = 40  # twice as many as read at once: nobody waits for another one's end
_NUMBER = re.compile(r"-?\d{9,}(\.\d*)?", re.ASCII)
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

    async def count(self, table: Table) -> int:
        """How many rows the table has."""
        async with self._engine.connect() as connection:
            return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())

    async def rows(self, query: Select[Any]) -> AsyncGenerator[dict[str, Any]]:
        """The rows, a page at a time from the server's cursor, so that memory stays flat."""
        async with self._engine.connect() as connection:
            result = await connection.stream(query, execution_options={"yield_per": PAGE_ROWS})
            names = list(result.keys())
            async for row in result:
                yield dict(zip(names, row, strict=True))


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """The source; a plain path is a SQLite file. Nothing can be written through it. A PostgreSQL URL may end in
    `?search_path=NAME`.

    Raises:
        BadImport: it can't be opened or read.
    """
    engine: AsyncEngine | None = None
    try:
        engine = _engine(url)
        async with engine.connect() as connection:
            tables = await connection.run_sync(_reflected)
        yield Database(engine, tables)
    except (SQLAlchemyError, OSError) as error:
        raise errors.BadImport(reason=errors.sentence(error)) from error
    finally:
        if engine is not None:
            await engine.dispose()


def _engine(url: str) -> AsyncEngine:
    if "://" not in url or url.startswith("sqlite"):
        path = Path(url.split(":///", 1)[-1])
        if not path.is_file():
            raise errors.BadImport(reason=f"there is no file {path}")
        name = quote(quote(str(path.absolute())))  # SQLAlchemy reads it once, SQLite a second time
        file = f"sqlite+aiosqlite:///file:{name}?mode=ro&uri=true"
        made = create_async_engine(file, pool_size=CONNECTIONS)

        @event.listens_for(made.sync_engine, "connect")
        def _as_stored(connection: Any, _record: Any) -> None:
            connection.driver_connection.text_factory = text_of

        return made
    return create_async_engine(
        db.ASYNCPG, pool_size=CONNECTIONS, connect_args=db.reaching(url, server_settings=_READ_ONLY)
    )


def _reflected(connection: Connection) -> dict[str, Table]:
    metadata = MetaData()
    metadata.reflect(bind=connection, only=inspect(connection).get_table_names(), resolve_fks=False)
    for table in metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, DateTime | Date | JSON):  # what SQLite holds is seen when it is read
                column.type = column.type if connection.dialect.name == "postgresql" else NullType()
    return {table.name: table for table in metadata.tables.values()}


def text_of(raw: bytes | str) -> str:
    """A text of the source. What is not UTF-8 in it is kept as lone surrogates, for `sound` to find."""
    return raw.decode(errors="surrogateescape") if isinstance(raw, bytes) else raw


def words(value: Any) -> str:
    """A column of text, whatever it was stored as; empty for nothing."""
    return "" if value is None else text_of(value) if isinstance(value, str | bytes) else str(value)


def is_key(column: Column[Any], key: str) -> ColumnElement[bool]:
    """Whether the column holds this key, which was made a text."""
    match column.type:
        case Integer():
            return column == int(key)
        case Uuid():
            return column == UUID(key)
        case Numeric():
            return column == Decimal(key)
        case NullType() if key.isascii() and key.isdigit():  # SQLite, a column of no type: as it was stored
            return or_(column == literal(key, String), column == literal(int(key), Integer))
        case _:
            return column == literal(key, String)


def is_stray(column: Column[Any], owner: Column[Any]) -> ColumnElement[bool]:
    """Whether no row's `owner` is what the column names."""
    mine, theirs = (column, owner) if type(column.type) is type(owner.type) else (_text(column), _text(owner))
    return ~exists(select(literal(1)).select_from(owner.table).where(mine == theirs))


def _text(column: Column[Any]) -> ColumnElement[str]:
    return cast(column, String)


def moment(value: Any) -> datetime:
    """A time of the source in UTC: a datetime, ISO text, or Unix seconds (milliseconds if they are that large).

    Raises:
        ValueError: it is none of these.
    """
    try:
        match value:
            case datetime():
                found = value
            case bool():
                raise ValueError("no time")
            case int() | float() | Decimal():
                found = _unix(float(value))
            case str() if value.strip():
                found = (
                    _unix(float(value)) if _NUMBER.fullmatch(value.strip()) else datetime.fromisoformat(value.strip())
                )
            case _:
                raise ValueError("no time")
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{value!r} is no time that there was") from error


def _unix(number: float) -> datetime:
    return datetime.fromtimestamp(number / 1000 if abs(number) > 10**11 else number, UTC)


def decoded(value: Any) -> Any:
    """JSON, from text or already decoded; None for nothing. What only Python calls JSON (NaN, half a pair) passes.

    Raises:
        ValueError: it is text and not JSON.
    """
    if not isinstance(value, str | bytes):
        return value
    if not value.strip():
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        try:
            return json.loads(text_of(value), parse_constant=lambda _name: None)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
