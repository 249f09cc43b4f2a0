"""Two schemas of read models, compared in the database: by digest, and where that differs row by row."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Numeric,
    String,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.projector import tables

_COLUMNS = text("""
SELECT table_schema, table_name, column_name FROM information_schema.columns
WHERE table_schema IN (:live, :other) AND is_generated = 'NEVER' ORDER BY column_name
""")
Kind = Literal["missing", "unexpected", "changed"]


@dataclass(frozen=True, slots=True)
class Digest:
    """What a table holds: so many rows, and the sum of their MD5 digests modulo 2^128, in hex."""

    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of the live table that the other one does not have (`unexpected`), the other way round, or not the same."""

    kind: Kind
    key: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """One table, as both schemas have it. `differences` are the first ones."""

    table: str
    live: Digest
    other: Digest
    differences: tuple[Difference, ...] = ()

    @property
    def same(self) -> bool:
        return self.live == self.other


async def compare(connection: AsyncConnection, live: str, other: str, first: int) -> list[Compared]:
    """Every table that both have, in the columns that both have, with up to `first` differences each.

    The connection is in a transaction that sees both at the same position.
    """
    shared = await _shared_columns(connection, live, other)
    return [await _table(connection, name, columns, live, other, first) for name, columns in shared.items()]


async def _shared_columns(connection: AsyncConnection, live: str, other: str) -> dict[str, list[str]]:
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in await connection.execute(_COLUMNS, {"live": live, "other": other}):
        found[row.table_name][row.table_schema].add(row.column_name)
    both = {name: found[name][live] & found[name][other] for name in _names() if name in found}
    return {name: sorted(columns) for name, columns in both.items() if columns.issuperset(_key(name))}


def _names() -> list[str]:
    return [one.name for one in tables.metadata.sorted_tables if one is not tables.checkpoint]


def _key(name: str) -> list[str]:
    return [one.name for one in tables.metadata.tables[name].primary_key.columns]


async def _table(
    connection: AsyncConnection, name: str, columns: list[str], live: str, other: str, first: int
) -> Compared:
    one, two = (table(name, *map(column, columns), schema=of).alias(by) for of, by in ((live, "one"), (other, "two")))
    left, right = [_digest((await connection.execute(_sum(of))).one()) for of in (one, two)]
    if left == right:
        return Compared(name, left, right)
    rows = (await connection.execute(_differing(one, two, _key(name)).limit(first))).all()
    return Compared(name, left, right, tuple(_difference(row, columns) for row in rows))


def _hash(of: FromClause) -> ColumnElement[str]:
    return func.md5(cast(func.row(*of.columns), Text))


def _sum(of: FromClause) -> Any:
    """Order does not matter to a sum, so the table is read once, as it lies, in constant memory."""
    hashed = select(_hash(of).label("h")).subquery()
    halves = (cast(literal_column(f"('x' || {part}(h, 16))::bit(64)::bigint"), Numeric) for part in ("left", "right"))
    return select(func.count(), *(func.sum(half) for half in halves)).select_from(hashed)


def _digest(row: Any) -> Digest:
    rows, high, low = row
    return Digest(rows, f"{((int(high or 0) << 64) + int(low or 0)) % 2**128:032x}")


def _differing(one: FromClause, two: FromClause, key: list[str]) -> Any:
    pair = one.join(two, and_(*(one.c[name] == two.c[name] for name in key)), full=True)
    parts = [func.coalesce(cast(one.c[name], String), cast(two.c[name], String)) for name in key]
    kind = case((one.c[key[0]].is_(None), "missing"), (two.c[key[0]].is_(None), "unexpected"), else_="changed")
    shown = func.concat_ws("/", *parts).label("key")
    whole = (func.to_jsonb(literal_column(by)).label(by) for by in ("one", "two"))
    rows = select(kind.label("kind"), shown, *whole).select_from(pair)
    return rows.where(_hash(one).is_distinct_from(_hash(two))).order_by(*parts)


def _difference(row: Any, columns: Iterable[str]) -> Difference:
    kind, key, one, two = row
    if kind != "changed":
        return Difference(kind, key)
    return Difference(kind, key, tuple(name for name in columns if one[name] != two[name]))
