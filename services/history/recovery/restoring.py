"""A new stream for a log whose stream is lost: numbering goes on behind the log, under a new epoch.

The log may lack the tail of what was lost, so the same numbers may have meant something else to somebody. Therefore
every restore makes a new epoch: whoever knew the old one takes a fresh snapshot.
"""

import uuid
from dataclasses import dataclass
from typing import Final

from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import chain, sql
from services.history import log as event_log
from services.history.log import Head
from services.history.recovery import NotDone
from shared import db, subjects
from shared.bus import streams
from shared.bus.connection import Bus
from shared.bus.direct import DirectReader

_NOTE: Final = text("""
INSERT INTO log.epochs (epoch, first_seq, ordered_by, reason) VALUES (:epoch, :first_seq, :by, :reason)
""")
_SET: Final = text("UPDATE log.head SET epoch = :epoch, updated_at = now()")
_DIGEST: Final = text("SELECT body_digest FROM log.events WHERE seq = :seq")


@dataclass(frozen=True, slots=True)
class Restored:
    """EVENTS is there again; its next event has the number `first_seq`."""

    epoch: str
    first_seq: int


async def restore(bus: Bus, engine: AsyncEngine, by: str, reason: str, replicas: int, replace: bool) -> Restored:
    """Afterwards EVENTS is empty, has a new epoch, and continues the log.

    Killed in the middle, it is run again: the epoch is in the log before the stream has it.

    Raises:
        NotDone: the stream is there and fits, or holds what the log may not have (unless `replace`).
    """
    head = await event_log.head(engine)
    try:
        info: StreamInfo | None = await bus.js.stream_info(subjects.EVENTS)
    except NotFoundError:
        info = None
    if info is not None:
        await _may_go(bus, engine, info, head, replace)
        await bus.js.delete_stream(subjects.EVENTS)
    made = Restored(str(uuid.uuid4()), head.seq + 1)
    async with db.transaction(engine) as connection:
        at = (await connection.execute(text(sql.LOCK_HEAD))).one()
        if (at.epoch, at.seq) != (head.epoch, head.seq):
            raise NotDone("the log has moved meanwhile: somebody else restores, or history appends")
        values = {"epoch": made.epoch, "first_seq": made.first_seq, "by": by, "reason": reason}
        await connection.execute(_NOTE, values)
        await connection.execute(_SET, {"epoch": made.epoch})
    config = streams.events_config(made.epoch, replicas)
    config.first_seq = made.first_seq
    await bus.js.add_stream(config)
    return made


async def _may_go(bus: Bus, engine: AsyncEngine, info: StreamInfo, head: Head, replace: bool) -> None:
    epoch, last_seq = streams.epoch_of(info), info.state.last_seq
    if epoch == head.epoch and last_seq >= head.seq:
        raise NotDone(f"the stream is there and continues the log (log at {head.seq}, stream at {last_seq})")
    if replace or not info.state.messages:
        return
    if epoch != head.epoch:
        raise NotDone(
            f"the stream belongs to another log (epoch {epoch or 'none'}) and holds {info.state.messages} events: "
            "--replace throws them away"
        )
    stored = await DirectReader(bus.client).at(subjects.EVENTS, last_seq)
    async with engine.connect() as connection:
        known = (await connection.execute(_DIGEST, {"seq": last_seq})).scalar_one_or_none()
    if stored is None or known != chain.digest(stored.body):
        raise NotDone(
            f"the stream holds events that the log does not have, the last at {last_seq}: --replace throws them away"
        )
