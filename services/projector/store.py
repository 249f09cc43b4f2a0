"""Reading and writing the rows of a page, and the checkpoint that moves with them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import (
    bindparam,
    delete,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.schema import CreateSchema

from services.projector import tables
from services.projector.quick import Quick
from shared import db

_MOVE = update(tables.checkpoint).values(epoch=bindparam("to_epoch"), seq=bindparam("to_seq"))
_PARKED = select(tables.parked.c.session_id, tables.parked.c.seq)
_EMPTIED = "something of it was erased since: try it again to see what it met"  # the reason could quote what was said
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


async def move_checkpoint(quick: Quick, to: Checkpoint) -> None:
    """The checkpoint is at `to`, once the transaction is."""
    await quick.fetch(_MOVE, {"to_epoch": to.epoch, "to_seq": to.seq})


async def parked_sessions(quick: Quick) -> dict[str, int]:
    """The sessions whose events are not folded any more, each with the position from which on."""
    return {row["session_id"]: row["seq"] for row in await quick.fetch(_PARKED)}


async def park(engine: AsyncEngine, session_id: str, seq: int, reason: str) -> None:
    """The session's rows stay as they were before `seq`, or before where it was parked already if that is earlier."""
    parked = tables.parked
    first = upsert(parked).values(session_id=session_id, seq=seq, reason=reason[:1000])
    put = {"seq": first.excluded.seq, "reason": first.excluded.reason}
    async with db.transaction(engine) as connection:
        is_earlier = first.excluded.seq < parked.c.seq
        await connection.execute(first.on_conflict_do_update(index_elements=["session_id"], set_=put, where=is_earlier))


async def empty_parked(connection: AsyncConnection, session_ids: Collection[str]) -> None:
    """Of these sessions nothing is left but that they are parked, and where, once the transaction is."""
    held, parked = tables.sessions, tables.parked
    await connection.execute(delete(held).where(held.c.session_id.in_(session_ids)))
    await connection.execute(update(parked).where(parked.c.session_id.in_(session_ids)).values(reason=_EMPTIED))
