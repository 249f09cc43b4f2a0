"""A session's events from any position on: what the stream holds, and what was trimmed from it out of the log."""

import asyncio
from typing import Any, NamedTuple

import orjson

from shared import errors, subjects
from shared.bus.direct import DirectReader, Stored, read_session
from shared.bus.erased import with_remains
from shared.bus.floor import Floor
from shared.bus.query import QueryClient
from shared.events import SessionCreated

HISTORY_DEADLINE_S = 2.0
HISTORY_PAGE = 500
SCAN_EVENTS = 1_000_000
SCAN_BYTES = 256 * 1024 * 1024


class Whole(NamedTuple):
    """Every event of a session after a position, up to `up_to`. `head`: its last seq in the stream, 0 if it has none
    there.
    """

    events: list[Stored]
    up_to: int
    head: int


class WholeReader:
    """Reads that leave nothing out. `floor`: as it was after the last one."""

    def __init__(self, reader: DirectReader, queries: QueryClient, floor: Floor) -> None:
        self.floor = floor
        self._reader = reader
        self._queries = queries

    async def everything_after(self, session_id: str, seq: int, head: int | None = None) -> Whole:
        """Every event of the session after `seq`; of an erased one what is left of it, in its place. `head`: the seq of
        the leader's newest (0: none), if it was asked for already; what came since then may be missing.

        Raises:
            Unavailable: the stream, or the log where it is needed, does not answer.
        """
        older: list[Stored] = []
        proven = seq
        while True:
            recent, newest = await self._recent(session_id, proven, head)
            if self._reaches_down(recent, proven):
                break
            proven = self.floor.seq - 1  # it may grow while the log is read
            older, whole = await self._from_history(session_id, seq, proven)
            if not whole:
                raise errors.Unavailable("the session is too large to be read whole")
            head = None
        return Whole(with_remains(older + recent, seq), recent[-1].seq if recent else proven, newest)

    async def body(self, session_id: str, seq: int) -> bytes | None:
        """The body at `seq` if that event is the session's; what is left of it, if it was erased.

        Raises:
            Unavailable: the stream, or the log where it is needed, does not answer.
        """
        stored = await self._reader.at(subjects.EVENTS, seq)
        if stored is not None:
            return stored.body if stored.subject == subjects.event(session_id) else None
        page = await self._read_log(session_id, seq - 1, 1)
        return next((_body(row) for row in page["events"] if row["seq"] == seq), None)

    async def _recent(self, session_id: str, seq: int, head: int | None) -> tuple[list[Stored], int]:
        """Every event after `seq` that the stream had at this call, at least up to `head`, and the last one's seq; the
        floor is known as of a moment after the last read.

        The first read is answered by any replica; the leader's head tells whether it was all.
        """
        subject = subjects.event(session_id)
        reading = self._reader.after(subjects.EVENTS, subject, seq)
        if head is None:
            found, newest = await asyncio.gather(reading, self._reader.head(subjects.EVENTS, subject))
            head = newest.seq if newest else 0
        else:
            found = await reading
        last = found[-1].seq if found else seq
        if head > last:
            found += await read_session(self._reader, session_id, last)
        await self.floor.confirm()
        return found, found[-1].seq if found else head

    def _reaches_down(self, events: list[Stored], seq: int) -> bool:
        """Whether no event of a session can be missing between `seq` and these, which the stream gave as what follows.

        So it is if nothing above `seq` had been trimmed, or nothing from the session's very first event on.
        """
        if self.floor.seq <= seq + 1:
            return True
        return bool(events) and self.floor.seq <= events[0].seq and _creates(events[0].body)

    async def _from_history(
        self, session_id: str, seq: int, up_to: int, limit: int = SCAN_EVENTS, max_bytes: int = SCAN_BYTES
    ) -> tuple[list[Stored], bool]:
        """The events in (seq, up_to], and whether that is all; if not, they are more than the limits."""
        found: list[Stored] = []
        after: int | None = seq
        size = 0
        while after is not None and after < up_to:
            if len(found) > limit or size > max_bytes:
                return found, False
            page = await self._read_log(session_id, after, HISTORY_PAGE)
            if int(page["at"]) < up_to:
                raise errors.Unavailable("the log has not reached the stream's first event")
            rows = (row for row in page["events"] if row["seq"] <= up_to and "duplicate_of" not in row)
            found += [Stored(row["seq"], subjects.event(session_id), _body(row)) for row in rows]
            size = sum(len(stored.body) for stored in found)
            after = page["next"]
        return found, True

    async def _read_log(self, session_id: str, after: int, limit: int) -> dict[str, Any]:
        request = {"session_id": session_id, "after": after, "limit": limit}
        page: dict[str, Any] = await self._queries.ask("history", "read", request, HISTORY_DEADLINE_S)
        return page


def _creates(body: bytes) -> bool:
    """Whether it is a session's first event; one that can't be parsed is not."""
    if SessionCreated.TYPE.encode() not in body:
        return False
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(raw, dict) and raw.get("type") == SessionCreated.TYPE


def _body(row: dict[str, Any]) -> bytes:
    left = row.get("body") or row.get("remains")
    if left is not None:
        return orjson.dumps(left)
    place = {"seq": row["seq"], "id": row["id"], "type": row["type"], "subject": row["session_id"]}
    return orjson.dumps({**place, "erased" if row.get("erased") else "malformed": True})
