"""Positions that are neither in the stream nor in the log: the log goes on behind them by order only.

Each gets a row that says so, by whom, when and why: a part of the chain like any other, which nobody folds. Its own
time is that of the event before the gap: times go up with the positions, and a head is not younger than what it holds.
"""

from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import holes, stream
from services.history import log as event_log
from services.history.entry import Entry
from services.history.errors import Hole, ranges
from services.history.recovery import NotDone
from shared import subjects
from shared.bus.connection import Bus

SUBJECT: Final = "gap."  # no session's: nothing that is published can have it
BATCH: Final = 1000


async def accept(bus: Bus, engine: AsyncEngine, first: int, last: int, by: str, reason: str) -> int:
    """Afterwards the log ends at `last`; how many positions were missing.

    Raises:
        NotDone: the gap does not begin where the log ends, or some of it can still be had.
    """
    head = await event_log.head(engine)
    if first != head.seq + 1 or last < first:
        raise NotDone(f"the log ends at {head.seq}: a gap begins at {head.seq + 1}, and --to is not before it")
    info = await bus.js.stream_info(subjects.EVENTS)
    stream.check(info, head)
    if last > info.state.last_seq:
        raise NotDone(f"the stream ends at {info.state.last_seq}: what is behind it is not missing")
    await _is_lost(bus, max(first, min(info.state.first_seq, last + 1)), last)
    time_ns = head.time_ns or 0
    said = {"from": first, "to": last, "reason": reason, "by": by, "at": datetime.now(UTC).isoformat()}
    body = orjson.dumps({"gap": said})
    for start in range(first, last + 1, BATCH):
        seqs = range(start, min(start + BATCH, last + 1))
        await event_log.append(engine, head.epoch, [Entry(seq, time_ns, SUBJECT, body) for seq in seqs])
    return last - first + 1


async def _is_lost(bus: Bus, first: int, last: int) -> None:
    for start in range(first, last + 1, BATCH):
        seqs = list(range(start, min(start + BATCH, last + 1)))
        try:
            await holes.fetch(bus, seqs[0], seqs[-1])
        except Hole as hole:
            found = sorted(set(seqs) - set(hole.lost))
        else:
            found = seqs
        if found:
            raise NotDone(f"these positions are not missing: {ranges(found)}")


def told(subject: str, body: bytes | None) -> dict[str, Any] | None:
    """What a row says about the gap that it stands in; None if it is no such row."""
    if subject != SUBJECT or body is None:
        return None
    try:
        said: dict[str, Any] = orjson.loads(body)["gap"]
        return said
    except (ValueError, LookupError, TypeError):
        return None
