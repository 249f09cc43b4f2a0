"""The sessions of this gateway: which are open, which are remembered, and whether the stream is still the same one."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import nats.errors
from nats.aio.subscription import Subscription
from nats.js.api import StreamInfo
from nats.js.errors import Error as JetStreamError

from services.gateway import measures
from services.gateway.cache import Cache
from services.gateway.feed import Feed
from services.gateway.hub import Listener
from services.gateway.joining import Joined, join
from services.gateway.outages import Outages
from services.gateway.snapshot import Snapshots
from services.gateway.source import Source
from shared import errors, subjects, tasks
from shared.bus import streams
from shared.bus.connection import Bus
from shared.bus.direct import DirectReader
from shared.bus.floor import Floor
from shared.bus.query import QueryClient
from shared.logging import get_logger

log = get_logger("sessions")

SWEEP_S = 5.0
SWEEP_SESSIONS = 500
LATE_S = 0.25  # a head above the last event delivered is a gap only if it still is after this time
DOUBT_S = 1.0  # doubts about the stream's identity are looked into at most this often
OPEN_TIMEOUT_S = 5.0


class Sessions:
    """Feeds by session: one subscription each, shared by all who listen, kept for a while after the last has left."""

    def __init__(
        self,
        bus: Bus,
        reader: DirectReader,
        queries: QueryClient,
        source: str,
        linger_s: float = 30.0,
        max_cached: int = 1000,
        outages: Outages | None = None,
        max_age_s: float = 1800.0,
        max_bytes: int = 128 * 1024 * 1024,
    ) -> None:
        self.epoch = ""
        self.stream_created_ms = 0  # ids older than the stream are unknown to its duplicate window
        self.instance = source
        self.queries = queries
        self.bus = bus
        self._floor = Floor(bus.client)
        self._source = Source(reader, queries, self._floor)
        self.outages = outages or Outages()
        self.snapshots = Snapshots(queries, self.outages)
        self._linger_s = linger_s
        self._feeds: dict[str, Feed] = {}
        self._attaching: dict[str, asyncio.Task[None]] = {}
        self._cached = Cache[Feed](max_cached, max_age_s, max_bytes)
        self._known = asyncio.Event()
        self._doubt = asyncio.Event()
        self._reconnected = False
        self._identity: tuple[str, str] = ("", "")
        self._last_seq = self._swept = 0
        bus.on_reconnect.append(self._on_reconnect)
        bus.on_slow_consumer.append(self._on_slow_consumer)

    async def run(self) -> None:
        """Watches until cancelled: the stream's identity, the heads of open sessions, and who may be let go."""
        async with tasks.background(self._watch_stream(), self._sweep_idle()):
            await asyncio.Event().wait()

    async def acquire(self, session_id: str) -> Feed:
        """The session's feed, attached and current; to be given back by `release`. Does not yield if it is open.

        Raises:
            Unavailable: the stream can't be read now.
        """
        while (feed := self._feeds.get(session_id)) is None:
            await self._attached(session_id)
        feed.refs += 1
        return feed

    def opened(self, session_id: str) -> Feed | None:
        """The session's feed, if it is open."""
        return self._feeds.get(session_id)

    def release(self, feed: Feed) -> None:
        """The feed may go when nobody needs it for a while."""
        feed.refs -= 1
        feed.idle_since = time.monotonic()

    @asynccontextmanager
    async def open(self, session_id: str) -> AsyncIterator[Feed]:
        """The session's feed, for the length of a block."""
        feed = await self.acquire(session_id)
        try:
            yield feed
        finally:
            self.release(feed)

    async def join(self, session_id: str, listener: Listener, recover: tuple[str, int] | None, user: str) -> Joined:
        """Subscribes a listener; see `joining`.

        Raises:
            NotFound: there is no such session for this user.
            Unavailable: it can't be read now.
        """
        feed = await self.acquire(session_id)
        try:
            return await join(feed, self.epoch, self.snapshots, listener, recover, user, self.release)
        except BaseException:
            self.release(feed)
            raise

    async def _attached(self, session_id: str) -> None:
        task = self._attaching.get(session_id)
        if task is None:
            task = asyncio.create_task(self._attach(session_id))
            self._attaching[session_id] = task
            task.add_done_callback(lambda done: self._attached_or_not(session_id, done))
        await asyncio.shield(task)

    def _attached_or_not(self, session_id: str, task: asyncio.Task[None]) -> None:
        self._attaching.pop(session_id, None)
        if not task.cancelled():
            task.exception()  # whoever waited has it

    async def _attach(self, session_id: str) -> None:
        try:
            await asyncio.wait_for(self._known.wait(), OPEN_TIMEOUT_S)
        except TimeoutError:
            raise errors.Unavailable("there is no event stream yet") from None
        feed = self._cached.take(session_id, time.monotonic()) or Feed(self.bus, self._source, session_id, self.doubt)
        feeds = self._feeds
        try:
            await feed.attach()
        except (nats.errors.Error, ConnectionError) as error:
            raise errors.Unavailable("the bus is away") from error
        if feeds is not self._feeds:
            await feed.detach()
            raise errors.Unavailable("the log was replaced")
        feed.idle_since = time.monotonic()
        self._feeds[session_id] = feed
        self._count()

    def doubt(self) -> None:
        """Something did not fit: the stream's identity is read again soon."""
        self._doubt.set()

    async def _on_reconnect(self) -> None:
        self._reconnected = True
        self._doubt.set()

    def _on_slow_consumer(self, subscription: Subscription) -> None:
        for feed in self._feeds.values():
            if subscription in feed.subscriptions:
                feed.check("slow_consumer")

    async def _watch_stream(self) -> None:
        loop = asyncio.get_running_loop()
        swept_at = 0.0
        while True:
            self._doubt.clear()
            try:
                await self._look(await self.bus.js.stream_info(subjects.EVENTS))
                reconnected, self._reconnected = self._reconnected, False
                if reconnected or loop.time() - swept_at >= SWEEP_S:
                    await streams.ensure(self.bus.js, streams.DELTAS)
                    await self._sweep_heads("reconnect" if reconnected else "sweep")
                    swept_at = loop.time()
            except (nats.errors.Error, JetStreamError, errors.AntiphonError, ConnectionError) as error:
                log.warning("stream_not_seen", error=repr(error))
                self._reconnected = True  # the heads are compared as soon as it is seen again
                self._doubt.set()
            look_s = self.outages.look_s
            await asyncio.sleep(min(DOUBT_S, look_s))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._doubt.wait(), 0 if self.outages.room.is_filling else look_s - DOUBT_S)

    async def _look(self, info: StreamInfo) -> None:
        """Takes in what the leader says of the stream; if it is another one, everything known here is forgotten."""
        self.outages.heard(streams.filled(info))
        identity = (streams.epoch_of(info), str(info.created))
        if not identity[0]:
            raise errors.Unavailable("the event stream names no epoch")
        before, fell = self._identity, info.state.last_seq < self._last_seq
        self._identity, self._last_seq = identity, info.state.last_seq
        self.epoch = identity[0]
        self.stream_created_ms = int(info.created.timestamp() * 1000) if info.created else 0
        if before[0] and (identity != before or fell):
            await self._start_over(f"{before[0]} -> {self.epoch}")
        self._floor.heard(info.state.first_seq)
        self._known.set()

    async def _start_over(self, what: str) -> None:
        log.error("log_replaced", epochs=what, open_sessions=len(self._feeds))
        measures.RESYNCS.labels("epoch").inc()
        feeds, self._feeds = self._feeds, {}
        self._cached.clear()
        self._floor.forget()
        for feed in feeds.values():
            feed.drop()
        self._count()
        await asyncio.gather(*[feed.detach() for feed in feeds.values()])

    async def _sweep_heads(self, cause: str) -> None:
        """A live copy that was lost with nothing after it shows no gap: only the heads tell."""
        if self._floor.seq > self._swept + 1:  # what came since the last sweep may be trimmed already: no head shows it
            for feed in self._feeds.values():
                feed.check("trimmed")
        swept, session_ids = self._last_seq, list(self._feeds)
        for start in range(0, len(session_ids), SWEEP_SESSIONS):
            heads = await self._source.heads(session_ids[start : start + SWEEP_SESSIONS])
            asyncio.get_running_loop().call_later(LATE_S, self._check_behind, heads, cause)
        self._swept = swept

    def _check_behind(self, heads: dict[str, int], cause: str) -> None:
        for session_id, head in heads.items():
            feed = self._feeds.get(session_id)
            if feed is not None and feed.chain.covered < head:
                feed.check(cause)

    async def _sweep_idle(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, max(0.05, self._linger_s / 2)))
            idle = [
                feed
                for feed in self._feeds.values()
                if feed.refs <= 0 and (not feed.state.exists or time.monotonic() - feed.idle_since >= self._linger_s)
            ]
            for feed in idle:
                del self._feeds[feed.session_id]
                if feed.state.exists:
                    self._cached.put(feed, feed.fold.memory_bytes, time.monotonic())
            self._cached.trim(time.monotonic())
            self._count()
            await asyncio.gather(*[feed.detach() for feed in idle])  # all of them before any can be opened again

    def _count(self) -> None:
        measures.OPEN_SESSIONS.set(len(self._feeds))
        measures.CACHED_SESSIONS.set(len(self._cached))
        measures.CACHED_BYTES.set(self._cached.bytes)
