"""The rows that a page of events touches: read before, written after, a statement a table."""

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any

import orjson
from asyncpg import Record
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Delete,
    Integer,
    RowMapping,
    Select,
    Table,
    TableValuedAlias,
    Text,
    and_,
    bindparam,
    cast,
    column,
    delete,
    exists,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from services.projector import tables
from services.projector.quick import Quick
from shared.fold.change import Change, Key, Row
from shared.fold.folding import CHILDREN, Rows, gathered


async def load(connection: AsyncConnection, of: Iterable[Change]) -> Rows:
    """The rows that these changes could read or write, as they are."""
    found, swept = gathered(of)
    by_table: dict[str, list[Key]] = defaultdict(list)
    for name, key in found:
        by_table[name].append(key)
    rows, quick = Rows(dict.fromkeys(found)), await Quick.of(connection)
    for name, wanted in by_table.items():
        if name == CHILDREN:
            await _load_children(quick, rows, wanted)
            continue
        table = tables.READ_MODELS[name]
        arguments = _columns(_key_names(table), wanted)
        _know_raw(rows, table, await quick.fetch(_select_by_keys(table), arguments))
    for sweep in swept:
        table = tables.READ_MODELS[sweep.table]
        prefix = zip(_key_names(table), sweep.prefix, strict=False)
        where = [table.c[column] == value for column, value in prefix]
        where += [table.c[sweep.column].in_(sweep.among)] if sweep.column else []
        _know(rows, table, (await connection.execute(select(*_held(table)).where(*where))).mappings())
    return rows


def _know(rows: Rows, table: Table, found: Iterable[RowMapping]) -> None:
    names = _key_names(table)
    for row in found:
        values: Row = {str(name): value for name, value in row.items() if name not in names}
        rows.known[table.name, tuple(row[column] for column in names)] = values


def _know_raw(rows: Rows, table: Table, found: Iterable[Record]) -> None:
    names, others = _key_names(table), _others(table)
    for row in found:
        rows.known[table.name, tuple(row[name] for name in names)] = {name: row[name] for name in others}


async def _load_children(quick: Quick, rows: Rows, wanted: list[Key]) -> None:
    """Which messages have a sequel of a role: read from the sequels themselves, and never written."""
    arguments = _columns(["session_id", "follows", "role"], wanted)
    for found in await quick.fetch(_SELECT_CHILDREN, arguments):
        rows.known[CHILDREN, tuple(found)] = {}


async def write(connection: AsyncConnection, rows: Rows) -> None:
    """What was changed in memory is changed in the tables, once the transaction is."""
    quick = await Quick.of(connection)
    by_table: dict[str, list[Key]] = defaultdict(list)
    for name, key in rows.dirty:
        by_table[name].append(key)
    for name, table in tables.READ_MODELS.items():
        touched = [(key, rows.known[name, key]) for key in sorted(by_table.get(name, ()))]
        names = _key_names(table)
        gone = [key for key, row in touched if row is None]
        kept = [{**row, **dict(zip(names, key, strict=True))} for key, row in touched if row is not None]
        if gone:
            await quick.fetch(_delete_by_key(table), _columns(names, gone))
        if kept:
            await quick.fetch(_upsert(table), {"rows": _json(kept)})


def _json(rows: list[Row]) -> str:
    try:
        return orjson.dumps(rows, default=str).decode()
    except TypeError:  # an integer of more than 64 bits: jsonb holds it, a column refuses it
        return json.dumps(rows, default=str)


def _columns(names: list[str], rows: Iterable[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


@cache
def _key_names(table: Table) -> list[str]:
    return [str(one.name) for one in table.primary_key.columns]


@cache
def _held(table: Table) -> list[Column[Any]]:
    """The columns that are filled here; the others the database computes from them."""
    return [one for one in table.columns if one.computed is None]


@cache
def _others(table: Table) -> list[str]:
    names = _key_names(table)
    return [str(one.name) for one in _held(table) if one.name not in names]


def _given(columns: Iterable[Column[Any]]) -> TableValuedAlias:
    """Keys that are handed in as an array a column."""
    of = list(columns)
    arrays = (bindparam(one.name, type_=ARRAY(_element(one))) for one in of)
    return func.unnest(*arrays).table_valued(*(one.name for one in of)).render_derived(name="given")


def _element(one: Column[Any]) -> TypeEngine[Any]:
    if isinstance(one.type, Text):
        return Text()  # without its collation
    return BigInteger() if isinstance(one.type, Integer) else one.type


@cache
def _select_by_keys(table: Table) -> Select[Any]:
    wanted = _given(table.primary_key.columns)
    return select(*_held(table)).join(wanted, and_(*_same(table, wanted)))


@cache
def _delete_by_key(table: Table) -> Delete:
    return delete(table).where(and_(*_same(table, _given(table.primary_key.columns))))


def _same(table: Table, given: TableValuedAlias) -> list[ColumnElement[bool]]:
    return [table.c[name] == given.c[name] for name in _key_names(table)]


@cache
def _upsert(table: Table) -> Insert:
    """All rows in one JSON text, which takes a fraction of the time of an array a column."""
    names, held = _key_names(table), _held(table)
    typed = (column(one.name, _element(one)) for one in held)
    given = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON)).table_valued(*typed)
    given = given.render_derived(name="given", with_types=True)
    rows = select(*(_filled(given, one) for one in held))
    statement = upsert(table).from_select([one.name for one in held], rows)
    others = {one.name: statement.excluded[one.name] for one in held if one.name not in names}
    return statement.on_conflict_do_update(index_elements=names, set_=others)


def _filled(given: TableValuedAlias, one: Column[Any]) -> ColumnElement[Any]:
    """JSON's null is a value where the column holds JSON."""
    value: ColumnElement[Any] = given.c[one.name]
    return func.coalesce(value, literal_column("'null'::jsonb")) if isinstance(one.type, JSON) else value


def _select_children() -> Select[Any]:
    said = tables.messages.c
    wanted = _given((said.session_id, said.follows, said.role))
    names = ("session_id", "follows", "role")
    return select(*(wanted.c[name] for name in names)).where(exists().where(*(said[n] == wanted.c[n] for n in names)))


_SELECT_CHILDREN = _select_children()
