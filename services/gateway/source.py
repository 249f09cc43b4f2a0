"""Where a feed reads what live copies did not bring: the stream, and below its first seq the log."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson

from services.gateway.chain import Link
from services.gateway.floor import Floor
from services.gateway.fold import deliverable
from services.gateway.publication import publication
from shared import errors, subjects
from shared.bus.direct import BATCH, DirectReader, Stored, read_session
from shared.bus.erased import with_remains
from shared.bus.query import QueryClient
from shared.events import SessionCreated

HISTORY_DEADLINE_S = 2.0
HISTORY_PAGE = 500
MISSES = 20
SCAN_EVENTS = 1_000_000
SCAN_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Page:
    """Consecutive events of a session: (seq, publication) each. Complete up to `up_to`; `more` follow after it."""

    events: list[tuple[int, bytes]]
    up_to: int
    more: bool

    @classmethod
    def of(cls, bodies: list[tuple[int, bytes]], after: int, up_to: int, limit: int, max_bytes: int) -> "Page":
        """The first of `bodies`, which are complete from `after` to `up_to`, that fit both limits."""
        events: list[tuple[int, bytes]] = []
        prev, size = after, 0
        for seq, body in bodies:
            size += len(body)
            if len(events) == limit or (events and size > max_bytes):
                return cls(events, prev, more=True)
            events.append((seq, publication(seq, prev, body)))
            prev = seq
        return cls(events, up_to, more=False)


class Source:
    """Reads of one gateway."""

    def __init__(self, reader: DirectReader, queries: QueryClient, floor: Floor) -> None:
        self.floor = floor
        self._reader = reader
        self._queries = queries

    async def everything_after(self, session_id: str, seq: int) -> tuple[list[Stored], int]:
        """Every event of the session after `seq`, and the position up to which that is all.

        Raises:
            Unavailable: the stream, or the log where it is needed, does not answer.
        """
        older: list[Stored] = []
        proven = seq
        while True:
            recent = await self._recent(session_id, proven)
            if self._reaches_down(recent, proven):
                break
            proven = self.floor.seq - 1  # it may grow while the log is read
            older, whole = await self._from_history(session_id, seq, proven)
            if not whole:
                raise errors.Unavailable("the session is too large to be read whole")
        return with_remains(older + recent, seq), recent[-1].seq if recent else proven

    async def _recent(self, session_id: str, seq: int) -> list[Stored]:
        """Every event after `seq` that the stream had at this call; the floor is known as of a moment after the last
        read.

        The first read is answered by any replica; the leader's head tells whether it was all.
        """
        subject = subjects.event(session_id)
        found, head = await asyncio.gather(
            self._reader.after(subjects.EVENTS, subject, seq), self._reader.head(subjects.EVENTS, subject)
        )
        last = found[-1].seq if found else seq
        if head is not None and head.seq > last:
            found += await read_session(self._reader, session_id, last)
        await self.floor.confirm()
        return found

    async def page(
        self, session_id: str, seq: int, target: int, limit: int, max_bytes: int, erased: Collection[int]
    ) -> Page | None:
        """The events in (seq, target] within the limits, from the stream, and from the log what was trimmed, or was
        `erased` and left something; None if completeness can't be proved.

        Raises:
            Unavailable: the stream, or the log where it is needed, does not answer.
        """
        page = await self._page(session_id, seq, target, limit, max_bytes)
        if page is not None and erased:
            up_to, here = page.up_to, {each for each, _ in page.events}
            if lost := [each for each in erased if seq < each <= up_to and each not in here]:
                return await self._page(session_id, seq, target, limit, max_bytes, max(lost))
        return page

    async def _page(
        self, session_id: str, seq: int, target: int, limit: int, max_bytes: int, from_log: int = 0
    ) -> Page | None:
        """As `page`; what is up to `from_log` is read from the log."""
        older: list[Stored] = []
        proven, whole = seq, True
        if from_log:
            older, whole = await self._from_history(session_id, seq, from_log, limit, max_bytes)
            proven = from_log
        while True:
            recent = await self._forward(session_id, proven, target, limit, max_bytes) if whole else []
            if recent is None:
                return None
            if whole:
                await self.floor.confirm()
            if not whole or self._reaches_down(recent, proven):
                break
            proven = self.floor.seq - 1
            older, whole = await self._from_history(session_id, seq, min(proven, target), limit, max_bytes)
        links = [
            Link(stored.seq, 0, stored.body) for stored in with_remains(older + recent, seq) if stored.seq <= target
        ]
        found = [(link.seq, link.body) for link in map(deliverable, links)]
        page = Page.of(found, seq, target, limit, max_bytes)
        return page if whole or page.more else None

    def _reaches_down(self, events: list[Stored], seq: int) -> bool:
        """Whether no event of a session can be missing between `seq` and these, which the stream gave as what follows.

        So it is if nothing above `seq` had been trimmed, or nothing from the session's very first event on.
        """
        if self.floor.seq <= seq + 1:
            return True
        return bool(events) and self.floor.seq <= events[0].seq and _creates(events[0].body)

    async def _forward(self, session_id: str, seq: int, target: int, limit: int, max_bytes: int) -> list[Stored] | None:
        found: list[Stored] = []
        last, size, misses = seq, 0, 0
        while last < target and len(found) <= limit and size <= max_bytes:
            wanted = min(BATCH, limit + 1 - len(found))
            batch = await self._reader.after(subjects.EVENTS, subjects.event(session_id), last, wanted)
            found += batch
            if batch:
                last, size = batch[-1].seq, size + sum(len(stored.body) for stored in batch)
                continue
            if not await self._behind(session_id, last):
                break
            misses += 1
            if misses > MISSES:
                return None
            await asyncio.sleep(0.05)  # a replica that lags catches up by itself; there is no notice of it
        return found

    async def body(self, session_id: str, seq: int) -> bytes | None:
        """The body at `seq` if that event is the session's; what is left of it, if it was erased.

        Raises:
            Unavailable: the stream, or the log where it is needed, does not answer.
        """
        stored = await self._reader.at(subjects.EVENTS, seq)
        if stored is not None:
            return stored.body if stored.subject == subjects.event(session_id) else None
        request = {"session_id": session_id, "after": seq - 1, "limit": 1}
        page: dict[str, Any] = await self._queries.ask("history", "read", request, HISTORY_DEADLINE_S)
        return next((_body(row) for row in page["events"] if row["seq"] == seq), None)

    async def deltas(self, session_id: str) -> list[bytes]:
        """The chunks of the session that are still kept, oldest first."""
        found: list[Stored] = []
        while True:
            after = found[-1].seq if found else 0
            batch = await self._reader.after(subjects.DELTAS, subjects.delta(session_id), after)
            found += batch
            if not batch:
                return [stored.body for stored in found]

    async def heads(self, session_ids: list[str]) -> dict[str, int]:
        """The newest seq of each session that has events."""
        heads = await self._reader.heads(subjects.EVENTS, [subjects.event(session_id) for session_id in session_ids])
        return {subjects.session_of(subject): seq for subject, seq in heads.items()}

    async def _behind(self, session_id: str, last: int) -> bool:
        head = await self._reader.head(subjects.EVENTS, subjects.event(session_id))
        return head is not None and head.seq > last

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
            request = {"session_id": session_id, "after": after, "limit": HISTORY_PAGE}
            page: dict[str, Any] = await self._queries.ask("history", "read", request, HISTORY_DEADLINE_S)
            if int(page["at"]) < up_to:
                raise errors.Unavailable("the log has not reached the stream's first event")
            rows = (row for row in page["events"] if row["seq"] <= up_to and "duplicate_of" not in row)
            found += [Stored(row["seq"], subjects.event(session_id), _body(row)) for row in rows]
            size = sum(len(stored.body) for stored in found)
            after = page["next"]
        return found, True


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
