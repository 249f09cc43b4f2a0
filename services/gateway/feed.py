"""One session as this gateway follows it: subscribed once, whole, in order, handed to every listener.

attach = subscribe to the live copies, then take over what another gateway has, or fill from the stream, up to the
         leader's head
repair = the same fill, whenever a copy is missing: seen by its successor, by a sweep, or after a reconnect
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from nats.aio.subscription import Subscription

from services.gateway import handover, measures
from services.gateway.chain import Chain, Link, live_copy
from services.gateway.fold import Fold, deliverable
from services.gateway.hub import Hub, Listener
from services.gateway.lanes import Lane
from services.gateway.publication import MAX_OFFSET, Framer, passing, publication
from services.gateway.repair import Repair
from services.gateway.running import Running
from services.gateway.source import Page, Source
from services.gateway.waiting import Waiting
from shared import errors, subjects
from shared.bus.connection import Bus, unsubscribe
from shared.bus.parser import Handler
from shared.logging import get_logger
from shared.session import SessionState

log = get_logger("feed")

RECHECK_S = 0.5  # a new subscription takes time to reach the leader's node
UNSEEN_S = 0.1  # how long the live copy of an acknowledged event may take before it is read instead
MAX_HELD = 10_000


class Feed:
    """A session's events, each once and in order, from the position where it was attached for as long as it is open."""

    def __init__(self, bus: Bus, source: Source, session_id: str, on_doubt: Callable[[], None]) -> None:
        self.session_id = session_id
        self.hub = Hub()
        self.chain = Chain()
        self.refs = 0
        self.idle_since = 0.0
        self.acked = 0  # the newest event of this session that a command here was told about
        self.open = False  # subscribed and whole
        self.dropped = False  # the log's identity changed: nothing here counts any more
        self.strict = asyncio.Lock()  # one strict decision at a time: racers on one gateway need not fail
        self._bus = bus
        self._source = source
        self._on_doubt = on_doubt
        self.kept: object = None  # what others make of the session and keep as long as it is open
        self.lanes: dict[str, Lane] = {}  # of those who have posted here, by user
        self.fold = Fold(session_id)
        self._framer = Framer(session_id)
        self._running = Running(self._source, session_id, self._pass_on)
        self.subscriptions: list[Subscription] = []
        self._repair = Repair(bus, session_id, self._fill)
        self._waiting = Waiting()

    @property
    def state(self) -> SessionState:
        """The session after `last`."""
        return self.fold.state

    @property
    def last(self) -> int:
        """The newest event that was delivered; 0: none."""
        return self.chain.last

    def add(self, listener: Listener) -> None:
        """From this moment every later event is delivered to it, in order, and nothing before."""
        self.hub.add(listener)

    def remove(self, listener: Listener) -> None:
        """Nothing more is delivered to it."""
        self.hub.remove(listener)

    async def attach(self) -> None:
        """Afterwards the feed is open and its state is current by the leader's word.

        Raises:
            Unavailable: the stream can't be read now.
        """
        self.fold.be_generous(True)
        try:
            await self._listen(subjects.live(self.session_id), self._on_live)
            await self._listen(subjects.signal(self.session_id), self._on_signal)
            await self._first_fill()  # its first requests follow the subscriptions on the same connection
            if self.state.open_replies:
                await self._running.read(self.state)
            await self._listen(subjects.handover(self.session_id), self._on_asked, subjects.QUEUE_GATEWAYS)
        except BaseException:
            await self.detach()
            raise
        self.open = True
        if self.chain.gap:
            self._gap()
        asyncio.get_running_loop().call_later(RECHECK_S, self.check, "attach")

    async def _listen(self, subject: str, handler: Handler, queue: str = "") -> None:
        self.subscriptions.append(await self._bus.client.listen(subject, handler, queue))

    def detach(self) -> Coroutine[Any, Any, None]:
        """From this moment nothing comes any more; state and newest events stay, for the next `attach`.

        What is given is to be awaited: it ends the subscriptions, while others may `attach` again.
        """
        self.open, self.kept = False, None
        self.lanes.clear()
        self.fold.be_generous(False)
        self._running.stop()
        self._repair.stop()
        subscriptions, self.subscriptions = self.subscriptions, []
        return unsubscribe(subscriptions)

    def drop(self) -> None:
        """The log is another one: every listener is told to start over, and everybody who waits is refused."""
        self.dropped = True
        self.hub.insufficient()
        self._waiting.fail(errors.Unavailable("the log was replaced"))

    def _on_live(self, _subject: bytes, _reply: bytes, headers: bytes, body: bytes) -> None:
        try:
            copy = live_copy(headers, body)
            if copy is None:
                self._running.take(self.state, body)
                return
            if copy.seq <= self.chain.covered:
                self._on_doubt()  # a repeat, most likely; or the numbers have started anew
            self._deliver(self.chain.live(copy))
            if self.chain.gap:
                self._gap()
        except Exception:
            log.exception("live_copy_failed", session_id=self.session_id)
            self.check("failure")

    def _on_signal(self, _subject: bytes, _reply: bytes, _headers: bytes, body: bytes) -> None:
        if b"\n" not in body and body[:1] == b"{" and body[-1:] == b"}":
            self._pass_on(body)

    def _on_asked(self, _subject: bytes, reply: bytes, _headers: bytes, body: bytes) -> None:
        if reply:
            usable = self.open and not self.dropped
            client = self._bus.client
            client.put(reply.decode(), handover.answer(self.fold, client, body) if usable else b"")

    def _pass_on(self, body: bytes) -> None:
        self.hub.deliver(self._framer.frame(passing(body)), None)

    def _deliver(self, links: list[Link]) -> None:
        links = [deliverable(link) for link in links]
        before = self.fold.facts
        if self.hub:
            for link in links:
                self._hand_out(link)
        else:
            self.fold.apply(*links)
        if self.fold.facts.open_replies is not before.open_replies:
            self._running.settle(self.state)
        measures.DELIVERED.inc(len(links))
        if self._waiting:
            self._waiting.reached(self.chain.covered)

    def _hand_out(self, link: Link) -> None:
        before = self.fold.facts
        self.fold.apply(link)
        self.hub.deliver(self._framer.frame(publication(link.seq, link.prev, link.body)), link.seq)
        if (facts := self.fold.facts).participants is not before.participants:
            self.hub.retain(frozenset(facts.participants))

    def check(self, cause: str) -> None:
        """Compares with the leader's head in the background and delivers what is missing."""
        if self.open and not self.dropped:  # while it is being opened, all is compared anyway
            self.fold.be_generous(False)  # those who came back together have been answered
            self._repair.start(cause)

    def _gap(self) -> None:
        if self.chain.held > MAX_HELD:
            measures.RESYNCS.labels("held").inc()
            self.hub.insufficient()
        self.check("gap")

    async def _first_fill(self) -> None:
        """Takes what another gateway has; what the leader has beyond it is read from the stream."""
        events, head = await handover.proven(self._bus.client, self._source, self.session_id, self.chain.covered)
        if events and not self.dropped:
            self._deliver(self.chain.filled(events, events[-1].seq))
        if self.dropped or not 0 < head <= self.chain.covered:
            await self._fill("attach", head)

    async def _fill(self, cause: str, head: int | None = None) -> None:
        events, up_to, _ = await self._source.everything_after(self.session_id, self.chain.covered, head)
        self.chain.floor = self._source.floor.seq
        if self.dropped:
            raise errors.Unavailable("the log was replaced")
        links = self.chain.filled(events, up_to)
        if links and self.open:
            measures.REPAIRS.labels(cause).inc()
        self._deliver(links)

    async def reach(self, seq: int, timeout_s: float = 5.0) -> None:
        """Returns when every event up to `seq` has been delivered.

        Raises:
            Unavailable: it could not be read in time, or the log was replaced.
        """
        if self.chain.covered >= seq:
            return
        late = asyncio.get_running_loop().call_later(UNSEEN_S, self.check, "unseen")
        try:
            await self._waiting.until(seq, timeout_s)
        finally:
            late.cancel()

    async def catch_up(self) -> None:
        """Afterwards the state is at least the leader's head as of now.

        Raises:
            Unavailable: the stream can't be read now.
        """
        await self._fill("refresh")

    async def events_after(self, seq: int, limit: int, max_bytes: int, up_to: int = MAX_OFFSET) -> Page | None:
        """The events in (seq, up_to] as far as `limit` and `max_bytes` allow; None if they can't be proved complete."""
        end = min(up_to, self.chain.covered)
        recent = self.fold.recent_after(seq)
        if recent is not None:
            links = [(link.seq, link.body) for link in recent if link.seq <= end]
            return Page.of(links, seq, end, limit, max_bytes)
        target, erased = min(end, self.chain.last), self.fold.erased
        return await self._source.page(self.session_id, seq, target, limit, max_bytes, erased)

    async def stored(self, seq: int) -> bytes | None:
        """The body of this session's event at `seq`, from memory or by the leader's word."""
        return self.fold.body_at(seq) or await self._source.body(self.session_id, seq)

    def seq_of(self, actor: str, event_id: str) -> int | None:
        """Where an id of `actor` was seen lately, if it was."""
        return self.fold.seq_of(actor, event_id)

    def running(self) -> list[dict[str, Any]]:
        """The replies on their way, with their text so far; the listeners have been told as much."""
        self.hub.settle()
        return self._running.texts(self.state)

    def frame(self, pub: bytes) -> bytes:
        """A publication as a push on this session's channel."""
        return self._framer.frame(pub)
