"""What every round runs, past SQLAlchemy: statements compiled once for each schema, and then asyncpg's.

A round of a few events costs mostly its statements, and SQLAlchemy's part in one is several times the driver's. What
the database refuses is raised as SQLAlchemy raises it: callers see no difference.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Self, cast

import asyncpg
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.exc import DBAPIError, InterfaceError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from shared import db
from shared.errors import AntiphonError

_DIALECT = dialect()  # type: ignore[no-untyped-call]


class NoTransaction(AntiphonError):
    """A short way was asked for before the transaction that it belongs to"""


class Quick:
    """The connection underneath, in the transaction that a statement has begun; about the same schema."""

    def __init__(self, raw: "asyncpg.connection.Connection[asyncpg.Record]", schema: str | None) -> None:
        self._raw = raw
        self._schema = schema

    @classmethod
    async def of(cls, connection: AsyncConnection) -> Self:
        """For as long as the transaction of `connection` lasts.

        Raises:
            NoTransaction: no statement has begun one, so each of these would be committed alone.
        """
        raw = await db.driver(connection)
        if not raw.is_in_transaction():
            raise NoTransaction
        options = connection.sync_connection.get_execution_options() if connection.sync_connection else {}
        return cls(raw, options.get("schema_translate_map", {}).get(None))

    async def fetch(self, statement: ClauseElement, values: Mapping[str, Any] | None = None) -> list[asyncpg.Record]:
        """The rows.

        Raises:
            DBAPIError: the database refuses, or is away.
        """
        sql, names, known = _compiled(statement, self._schema)
        given = {**known, **values} if values else known
        return await self.fetch_text(sql, *(given[name] for name in names))

    async def fetch_text(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """The same for SQL that names its schema."""
        try:
            found: list[asyncpg.Record] = await self._raw.fetch(sql, *values)
        except asyncpg.SyntaxOrAccessError as error:
            raise ProgrammingError(sql, None, error) from error
        except asyncpg.PostgresError as error:
            raise DBAPIError(sql, None, error) from error
        except asyncpg.InterfaceError as error:
            raise InterfaceError(sql, None, error) from error
        return found


@cache
def _compiled(statement: ClauseElement, schema: str | None) -> tuple[str, Sequence[str], dict[str, Any]]:
    options: dict[str, Any] = {"schema_translate_map": {None: schema}, "render_schema_translate": True}
    found = cast("SQLCompiler", statement.compile(dialect=_DIALECT, **(options if schema else {})))
    return str(found), tuple(found.positiontup or ()), dict(found.params)
