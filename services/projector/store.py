"""Reading and writing the rows of a page, and the checkpoint that moves with them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Delete,
    Integer,
    RowMapping,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.schema import CreateSchema

from services.projector import tables
from services.projector.change import Change, Key, Row
from services.projector.folding import CHILDREN, Rows, keys, sweeps
from shared import db

_CREATE_LOCK = 0x616E7469_00000003


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything up to `seq` of the log `epoch` is in the rows. The epoch is empty before the first event."""

    epoch: str
    seq: int


def in_schema(engine: AsyncEngine, schema: str = tables.SCHEMA) -> AsyncEngine:
    """The same connections, on which the read models are the ones of this schema."""
    return engine.execution_options(schema_translate_map={None: schema})


async def create(engine: AsyncEngine, schema: str = tables.SCHEMA) -> None:
    """Afterwards the schema and its tables exist, and a checkpoint, at 0 if they are new."""
    async with db.transaction(engine) as connection:
        await create_in(connection, schema)


async def create_in(connection: AsyncConnection, schema: str) -> None:
    """As `create`, once the transaction is; the connection is about that schema."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CREATE_LOCK})
    await connection.execute(CreateSchema(schema, if_not_exists=True))
    await connection.run_sync(tables.metadata.create_all)
    first = upsert(tables.checkpoint).values(single=True, epoch="", seq=0)
    await connection.execute(first.on_conflict_do_nothing())


async def clear(engine: AsyncEngine) -> None:
    """Afterwards the tables are as if they were new: the next fold begins at position 1."""
    async with db.transaction(engine) as connection:
        for table in (*reversed(tables.READ_MODELS.values()), tables.parked):
            await connection.execute(delete(table))
        await connection.execute(update(tables.checkpoint).values(epoch="", seq=0))


async def checkpoint(connection: AsyncConnection, lock: bool = False) -> Checkpoint:
    """How far the rows reach, as this transaction sees it; with `lock`, nobody else moves it until the end."""
    query = select(tables.checkpoint.c.epoch, tables.checkpoint.c.seq)
    row = (await connection.execute(query.with_for_update() if lock else query)).one()
    return Checkpoint(row.epoch, row.seq)


async def move_checkpoint(connection: AsyncConnection, to: Checkpoint) -> None:
    """The checkpoint is at `to`, once the transaction is."""
    await connection.execute(update(tables.checkpoint).values(epoch=to.epoch, seq=to.seq))


async def parked_sessions(connection: AsyncConnection) -> set[str]:
    """The sessions whose events are not folded any more."""
    return set((await connection.execute(select(tables.parked.c.session_id))).scalars())


async def park(engine: AsyncEngine, session_id: str, seq: int, reason: str) -> None:
    """The session's rows stay as they were before `seq`."""
    async with db.transaction(engine) as connection:
        row = {"session_id": session_id, "seq": seq, "reason": reason[:1000]}
        await connection.execute(upsert(tables.parked).values(row).on_conflict_do_nothing())


async def load(connection: AsyncConnection, of: Iterable[Change]) -> Rows:
    """The rows that these changes could read or write, as they are."""
    of = list(of)
    by_table: dict[str, set[Key]] = defaultdict(set)
    rows = Rows()
    for name, key in keys(of):
        by_table[name].add(key)
        rows.known[name, key] = None
    for name, wanted in by_table.items():
        if name == CHILDREN:
            await _load_children(connection, rows, wanted)
            continue
        table = tables.READ_MODELS[name]
        arguments = dict(zip(_key_names(table), map(list, zip(*wanted, strict=True)), strict=True))
        _know(rows, table, (await connection.execute(_select_by_keys(table), arguments)).mappings())
    for sweep in sweeps(of):
        table = tables.READ_MODELS[sweep.table]
        prefix = zip(_key_names(table), sweep.prefix, strict=False)
        where = [table.c[column] == value for column, value in prefix]
        where += [table.c[sweep.column].in_(sweep.among)] if sweep.column else []
        _know(rows, table, (await connection.execute(select(*_held(table)).where(*where))).mappings())
    return rows


def _know(rows: Rows, table: Table, found: Iterable[RowMapping]) -> None:
    names = _key_names(table)
    for row in found:
        values: Row = {column: value for column, value in row.items() if column not in names}
        rows.known[table.name, tuple(row[column] for column in names)] = values


async def _load_children(connection: AsyncConnection, rows: Rows, wanted: set[Key]) -> None:
    """Which messages have a sequel of a role: read from the sequels themselves, and never written."""
    arguments = dict(zip(("session_id", "follows", "role"), map(list, zip(*wanted, strict=True)), strict=True))
    for found in (await connection.execute(_SELECT_CHILDREN, arguments)).all():
        rows.known[CHILDREN, tuple(found)] = {}


async def write(connection: AsyncConnection, rows: Rows) -> None:
    """What was changed in memory is changed in the tables, once the transaction is."""
    for name, table in tables.READ_MODELS.items():
        names = _key_names(table)
        touched = [key for of, key in rows.dirty if of == name]
        gone = [dict(zip(names, key, strict=True)) for key in touched if rows.known[name, key] is None]
        if gone:
            await connection.execute(_delete_by_key(table), [{f"k_{k}": v for k, v in row.items()} for row in gone])
        kept = sorted(((key, row) for key in touched if (row := rows.known[name, key]) is not None), key=_by_key)
        if kept:
            await connection.execute(_upsert(table), [dict(zip(names, key, strict=True)) | row for key, row in kept])


def _by_key(found: tuple[Key, Row]) -> Key:
    return found[0]


def _key_names(table: Table) -> list[str]:
    return [column.name for column in table.primary_key.columns]


@cache
def _held(table: Table) -> list[Column[Any]]:
    """The columns that are filled here; the others the database computes from them."""
    return [column for column in table.columns if column.computed is None]


@cache
def _select_by_keys(table: Table) -> Select[Any]:
    names = _key_names(table)
    types = {name: BigInteger if isinstance(table.c[name].type, Integer) else Text for name in names}
    wanted = func.unnest(*(bindparam(name, type_=ARRAY(types[name])) for name in names)).table_valued(*names)
    wanted = wanted.render_derived(name="wanted")
    same: list[ColumnElement[bool]] = [table.c[name] == wanted.c[name] for name in names]
    return select(*_held(table)).join(wanted, and_(*same))


def _select_children() -> Select[Any]:
    names = ("session_id", "follows", "role")
    wanted = func.unnest(*(bindparam(name, type_=ARRAY(Text)) for name in names)).table_valued(*names)
    wanted = wanted.render_derived(name="wanted")
    said = tables.messages.c
    same = (said.session_id == wanted.c.session_id, said.follows == wanted.c.follows, said.role == wanted.c.role)
    return select(*(wanted.c[name] for name in names)).where(exists().where(*same))


_SELECT_CHILDREN = _select_children()


@cache
def _delete_by_key(table: Table) -> Delete:
    return delete(table).where(and_(*(table.c[name] == bindparam(f"k_{name}") for name in _key_names(table))))


@cache
def _upsert(table: Table) -> Insert:
    statement = upsert(table)
    names = _key_names(table)
    others = {column.name: statement.excluded[column.name] for column in _held(table) if column.name not in names}
    return statement.on_conflict_do_update(index_elements=names, set_=others)
