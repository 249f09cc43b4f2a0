"""Writing the proof of one session out of the log, in bounded memory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.history import chain, checkpoint, sealing
from services.history.audit import proof, rows
from services.history.audit.verifying import STRETCH_EVENTS
from services.history.chain import Anchor, Broken
from services.history.checkpoint import Checkpoint
from shared import db, subjects

_ENDS: Final = text("""
SELECT min(seq) AS first, max(seq) AS last FROM log.events WHERE session_id = :session_id
""")
_BODY: Final = text("SELECT body FROM log.events WHERE seq = :seq")


class CanNotProve(Exception):
    """There is nothing to prove, or nothing that was signed; says which."""


@dataclass(frozen=True, slots=True)
class Written:
    """The proof reaches from the position `first` to the checkpoint and holds `events` of the session."""

    first: int
    events: int
    checkpoint: Checkpoint


async def write(engine: AsyncEngine, session_id: str, newest: bool, out: Callable[[bytes], object]) -> Written:
    """A proof's lines went to `out`. It ends at the first checkpoint from the session's last event on, or the newest.

    Raises:
        CanNotProve: the session has no event, or none of its last ones was signed yet.
        Broken: the log itself is not what was appended.
    """
    async with db.snapshot(engine) as connection:
        at, end = await _ends(connection, session_id, newest)
    first, events = at.seq + 1, 0
    out(proof.head_line(session_id, at))
    while at.seq < end.seq:
        upto = min(at.seq + STRETCH_EVENTS, end.seq)
        async with db.snapshot(engine) as connection:
            async for batch in rows.batches(connection, at.seq, upto):
                for row in batch:
                    it = rows.link(row)
                    at = chain.follow(at, it)
                    events += it.subject == subjects.event(session_id)
                    out(proof.position_line(session_id, it))
        if at.seq < upto:
            raise Broken(at.seq + 1, "missing")
    if at != end.anchor:
        raise Broken(at.seq, "a signed checkpoint says another hash: something up to here was rewritten")
    out(proof.last_line(end))
    return Written(first, events, end)


async def _ends(connection: AsyncConnection, session_id: str, newest: bool) -> tuple[Anchor, Checkpoint]:
    """The position before the session's beginning, or before the first of all; and a checkpoint behind its end."""
    ends = (await connection.execute(_ENDS, {"session_id": session_id})).one()
    if ends.first is None:
        raise CanNotProve(f"the log has no event of the session {session_id}")
    found = await sealing.reaching(connection, ends.last)
    if found is not None and newest:
        found = await sealing.newest(connection)
    if found is None:
        raise CanNotProve(f"position {ends.last} is not signed yet: wait for the next checkpoint")
    try:
        checkpoint.check(found, found.public_key)
    except checkpoint.Unusable as error:
        raise Broken(found.seq, str(error)) from None
    body = (await connection.execute(_BODY, {"seq": ends.first})).scalar_one()
    return await rows.anchor(connection, ends.first - 1 if proof.begins(body) else 0), found
