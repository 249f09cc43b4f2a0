"""What a client gets when it opens a session: from the projector, or, while that is away, from the events themselves.

A snapshot of position `at` holds every event of the session up to `at`; the events after it follow as publications.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson

from services.gateway.degraded import from_events
from services.gateway.feed import Feed
from services.gateway.outages import Outages
from shared import errors
from shared.bus.query import QueryClient
from shared.logging import get_logger

log = get_logger("snapshot")

SILENT = b'{"awareness":{}'  # how every snapshot begins
AT_A_TIME = 32  # when all sessions are opened at once, the last of them must not be asked for in vain
KEPT_BYTES = 64 * 1024  # a larger snapshot is asked for each time
DEADLINE_S = 0.95  # below the first pause between tries: if nobody answers the query at all, nobody waits


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session as of `at`. `head` is its JSON up to the replies on their way, which change all the time."""

    at: int
    head: bytes

    @classmethod
    def of(cls, at: int, fields: dict[str, Any]) -> "Snapshot":
        """The snapshot with these fields; `at` is the session's own position, whatever they say."""
        kept = {"awareness": {}, "degraded": [], **fields, "at": at}
        kept.pop("running", None)
        return cls(at, orjson.dumps(kept)[:-1])

    def with_running(self, running: list[dict[str, Any]]) -> bytes:
        """The whole JSON."""
        return self.head + b',"running":' + orjson.dumps(running) + b"}"


def with_awareness(snapshot: bytes, said: dict[str, dict[str, Any]]) -> bytes:
    """The snapshot, JSON as `Snapshot` makes it, with what clients say of themselves."""
    return SILENT[:-2] + orjson.dumps(said) + snapshot.removeprefix(SILENT)


class Snapshots:
    """Asks once for all who open the same session at the same time."""

    def __init__(self, queries: QueryClient, outages: Outages) -> None:
        self._queries = queries
        self._outages = outages
        self._asking: dict[str, asyncio.Task[Snapshot]] = {}
        self._turn = asyncio.Semaphore(AT_A_TIME)

    async def take(self, feed: Feed) -> Snapshot:
        """A snapshot that may be older than this call by as long as it took to make it.

        Raises:
            Unavailable: neither the projector nor the stream can tell.
        """
        kept = feed.kept
        if isinstance(kept, Snapshot) and kept.at == feed.last and not self._outages.names():
            return kept  # nothing has happened since
        task = self._asking.get(feed.session_id)
        if task is None:
            task = asyncio.create_task(self._ask(feed))
            self._asking[feed.session_id] = task
            task.add_done_callback(lambda done: self._done(feed.session_id, done))
        return await asyncio.shield(task)

    async def by_events(self, feed: Feed) -> Snapshot:
        """The snapshot as of now, from the stream.

        Raises:
            Unavailable: the stream does not hold all of the session, or does not answer.
        """
        return Snapshot.of(*await from_events(feed, degraded=self._outages.names("projector")))

    async def reaching(self, feed: Feed, seq: int) -> Snapshot:
        """The snapshot with everything up to a position of the session in it.

        Raises:
            Unavailable: neither the projector nor the stream can tell.
        """
        taken = await self.take(feed)
        return taken if taken.at >= seq else await self._ask(feed, seq)

    async def _ask(self, feed: Feed, min_seq: int = 0) -> Snapshot:
        request = {"session_id": feed.session_id, "min_seq": min_seq}
        try:
            async with self._turn:
                found = await self._queries.ask("projector", "snapshot", request, DEADLINE_S)
        except errors.AntiphonError as error:
            log.info("projector_not_asked", session_id=feed.session_id, error=str(error))
            return await self.by_events(feed)
        self._outages.answered("projector", well=True)
        session = found.get("session")
        if not session:  # it was created a moment ago: the stream has all of it, and nothing is amiss
            return Snapshot.of(*await from_events(feed, degraded=self._outages.names()))
        degraded = self._outages.names()
        taken = Snapshot.of(int(session.get("last_seq") or found["at"]), {**found, "degraded": degraded})
        if feed.open and not degraded and len(taken.head) <= KEPT_BYTES:
            feed.kept = taken
        return taken

    def _done(self, session_id: str, task: asyncio.Task[Snapshot]) -> None:
        self._asking.pop(session_id, None)
        if not task.cancelled():
            task.exception()  # whoever waited has it


async def snapshot(feed: Feed, snapshots: Snapshots) -> tuple[int, dict[str, Any]]:
    """The position and the whole snapshot, for a reader that does not stay: what was said before the call is in it.

    Raises:
        Unavailable: neither the projector nor the stream can tell.
    """
    taken = await snapshots.reaching(feed, feed.last)
    return taken.at, orjson.loads(taken.with_running(feed.running()))
