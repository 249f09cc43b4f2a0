"""Sessions with an event that could not be folded: which, why, and how they come back."""

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.projector import live, source, store
from services.projector.projection import PoisonAt, fold_into, is_about_data
from services.projector.quick import Quick
from services.projector.tables import parked, sessions
from shared import db, errors

PAGE_EVENTS = 500


class NotParked(errors.Refused):
    """The session is not parked"""


class StillParked(errors.Refused):
    """The session can't be folded yet"""


@dataclass(frozen=True, slots=True)
class Parked:
    """A session whose rows are as they were before its event at `seq`."""

    session_id: str
    seq: int
    reason: str


async def parked_sessions(pool: AsyncEngine) -> list[Parked]:
    """All of them, in the order in which they were met.

    Raises:
        Unavailable: there are no read models.
    """
    async with live.reading(pool) as connection:
        rows = (await connection.execute(select(parked).order_by(parked.c.seq))).all()
    return [Parked(row.session_id, row.seq, row.reason) for row in rows]


async def retry(pool: AsyncEngine, session_id: str) -> int:
    """The session's rows are made anew from its first event on, and it is followed again; how many events it had.

    The fold of all sessions waits meanwhile, for about as long as this session's events take.

    Raises:
        NotParked: there was no need.
        StillParked: it met what it had met, or something else. Nothing was changed.
    """
    try:
        async with db.transaction(pool) as connection:
            return await _again(connection, session_id)
    except PoisonAt as poison:
        raise StillParked(f"{poison.reason}, at position {poison.seq}") from poison
    except DBAPIError as error:
        if not is_about_data(error):
            raise
        raise StillParked(str(error.orig)) from error


async def _again(connection: AsyncConnection, session_id: str) -> int:
    schema = await live.name(connection)
    await live.point(connection, schema)
    at = await store.checkpoint(connection, lock=True)
    await live.require(await Quick.of(connection), schema)
    gone = await connection.execute(delete(parked).where(parked.c.session_id == session_id))
    if not gone.rowcount:
        raise NotParked(session_id)
    await connection.execute(delete(sessions).where(sessions.c.session_id == session_id))
    count, after = 0, 0
    while events := await source.of_session(connection, session_id, after, at.seq, PAGE_EVENTS):
        await fold_into(connection, events, {})
        count, after = count + len(events), events[-1].seq
    return count
