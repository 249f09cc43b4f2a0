"""Where a feed reads what live copies did not bring: the stream, and below its first seq the log."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from services.gateway.chain import Link
from services.gateway.fold import deliverable
from services.gateway.publication import publication
from shared import subjects
from shared.bus.direct import BATCH, DirectReader, Stored
from shared.bus.erased import with_remains
from shared.bus.floor import Floor
from shared.bus.query import QueryClient
from shared.bus.whole import WholeReader

MISSES = 20
HANDOVERS = 4  # at a time: when many sessions are opened at once, the others are better off with the stream


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


class Source(WholeReader):
    """Reads of one gateway."""

    def __init__(self, reader: DirectReader, queries: QueryClient, floor: Floor) -> None:
        super().__init__(reader, queries, floor)
        self.handovers = asyncio.Semaphore(HANDOVERS)

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

    async def head(self, session_id: str) -> Stored | None:
        """The session's newest event, by the leader's word.

        Raises:
            Unavailable: the stream does not answer.
        """
        return await self._reader.head(subjects.EVENTS, subjects.event(session_id))

    async def stored(self, seq: int) -> Stored | None:
        """What is at `seq`, by the leader's word.

        Raises:
            Unavailable: the stream does not answer.
        """
        return await self._reader.at(subjects.EVENTS, seq)

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
        head = await self.head(session_id)
        return head is not None and head.seq > last
