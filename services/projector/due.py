"""Which sessions nobody needs any more: found in one snapshot of the rows and the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, column, exists, func, or_, select, table
from sqlalchemy.ext.asyncio import AsyncEngine

from services.projector import live, store
from services.projector.tables import parked, participants, sessions
from shared.events import MessageEdited, MessagePosted, SessionCreated, SessionDeleted

Kind = Literal["guest_idle", "archive_idle", "erase_deleted"]

_LOG = ("seq", "session_id", "event_id", "type", "stream_time_ns", "body", "erased_by", "malformed")
_ALWAYS_SAY = (SessionCreated.TYPE, MessagePosted.TYPE, MessageEdited.TYPE)
_events = table("events", *map(column, _LOG), schema="log")
_last = (
    select(_events.c.seq, _events.c.event_id, _events.c.stream_time_ns)
    .where(_events.c.session_id == sessions.c.session_id)
    .order_by(_events.c.seq.desc())
    .limit(1)
    .lateral("last")
)


@dataclass(frozen=True, slots=True)
class Due:
    """A session that something is to be done with, whose last event of all, `cause`, is the one at `seq`."""

    kind: Kind
    session_id: str
    seq: int
    cause: str | None


async def due(pool: AsyncEngine, after_s: Mapping[Kind, float], limit: int) -> list[Due]:
    """Up to `limit` sessions of each kind that have been so for longer than `after_s` seconds; 0: never.

    Silence is measured by the log's own clock, so what was imported with old times is not old. Sessions whose rows do
    not tell all that the log says, are left out.
    """
    now = datetime.now(UTC)
    async with live.reading(pool) as connection:
        at = (await store.checkpoint(connection)).seq
        found: list[Due] = []
        for kind, seconds in after_s.items():
            if seconds:
                query = _query(kind, now - timedelta(seconds=seconds), at).limit(limit)
                rows = (await connection.execute(query)).all()
                found += [Due(kind, row.session_id, row.seq, row.event_id) for row in rows]
    return found


def _query(kind: Kind, before: datetime, at: int) -> Select[Any]:
    rules = {"guest_idle": _guest_idle, "archive_idle": _archive_idle, "erase_deleted": _erase_deleted}
    known = and_(_last.c.seq <= at, ~exists().where(parked.c.session_id == sessions.c.session_id))
    query = select(sessions.c.session_id, _last.c.seq, _last.c.event_id).join_from(sessions, _last, known)
    return query.where(rules[kind](before)).order_by(sessions.c.active_seq)


def _silent(before: datetime) -> ColumnElement[bool]:
    began_ns = int(before.timestamp()) * 10**9
    return and_(
        sessions.c.deleted_at.is_(None), sessions.c.last_activity < before, _last.c.stream_time_ns < began_ns
    )  # fmt: skip


def _guest_idle(before: datetime) -> ColumnElement[bool]:
    """There are only guests in it."""
    inside = participants.c.session_id == sessions.c.session_id
    return and_(
        _silent(before), exists().where(inside, participants.c.guest), ~exists().where(inside, ~participants.c.guest)
    )  # fmt: skip


def _archive_idle(before: datetime) -> ColumnElement[bool]:
    return and_(_silent(before), sessions.c.archived_at.is_(None))


def _erase_deleted(before: datetime) -> ColumnElement[bool]:
    """Something that says something is left: of what always does, or the deletion, which is among the last to go."""
    left = and_(_events.c.session_id == sessions.c.session_id, _events.c.erased_by.is_(None), ~_events.c.malformed)
    named = func.convert_from(_events.c.body, "UTF8").notlike('%"actorname":""%')
    says = or_(_events.c.type.in_(_ALWAYS_SAY), and_(_events.c.type == SessionDeleted.TYPE, named))
    return and_(sessions.c.deleted_at < before, exists().where(left, says))
