"""A listener enters a session: held back from the moment its position is taken until its answer is written.

    1  the gate is put into the hub: from here on every event, in order, is in the gate
    2  the answer is made: a snapshot of position `at`, or the events between the client's offset and `at`
    3  the caller writes the answer, and calls `go_live`, which without yielding
         delivers the events after `at` that were read from the stream (none on recovery),
         then what the gate holds above them, then puts the listener in the gate's place

What was read in step 2 ends at a position `up_to` that the feed had delivered by then, so nothing is between it and the
gate; what the gate holds at or below it is a repeat. Both ends are provable, so there is no hole and no repeat.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import orjson

from services.gateway import measures
from services.gateway.feed import Feed
from services.gateway.hub import Listener
from services.gateway.snapshot import Snapshot, Snapshots
from services.gateway.source import Page
from shared import errors

RECOVER_EVENTS = 1000
RECOVER_BYTES = 512 * 1024
BACKLOG_EVENTS = 5000
BACKLOG_BYTES = 4 * 1024 * 1024


class Gate(Listener):
    """A listener that keeps what it is told."""

    __slots__ = ("held", "user", "was_insufficient", "was_revoked")

    def __init__(self, user: str) -> None:
        self.user = user
        self.held: list[tuple[bytes, int | None]] = []
        self.was_revoked = False
        self.was_insufficient = False

    def deliver(self, frame: bytes, seq: int | None) -> None:
        """Keeps it."""
        self.held.append((frame, seq))

    def revoked(self) -> None:
        """Keeps that too."""
        self.was_revoked = True

    def insufficient(self) -> None:
        """And that."""
        self.was_insufficient = True


@dataclass(slots=True)
class Joined:
    """An answer to a subscribe, and the listener behind its gate.

    Fresh: `snapshot` of position `offset`, no publications. Recovered: `offset` is the requested one, `publications`
    follow it, and `snapshot` holds `running` alone.
    """

    epoch: str
    offset: int
    snapshot: bytes
    publications: Sequence[bytes]
    recovered: bool
    was_recovering: bool
    feed: Feed
    _listener: Listener
    _gate: Gate | None
    _up_to: int
    _backlog: Sequence[tuple[int, bytes]]
    _release: Callable[[Feed], None]
    _left: bool = field(default=False)

    def go_live(self) -> None:
        """Call right after the answer is written. What was held is delivered now, and then everything as it comes."""
        hub, gate = self.feed.hub, self._gate
        if gate is None:
            return
        hub.remove(gate)
        for seq, pub in self._backlog:
            if self._left:
                return
            self._listener.deliver(self.feed.frame(pub), seq)
        for frame, held_seq in gate.held:
            if self._left:
                return
            if held_seq is None or held_seq > self._up_to:
                self._listener.deliver(frame, held_seq)
        self._gate, self._backlog = None, ()
        if self._left:
            return
        if gate.was_insufficient:
            self._listener.insufficient()
        elif gate.was_revoked:
            self._listener.revoked()
        else:
            hub.add(self._listener)

    def forget(self) -> None:
        """The answer was written: it is not kept as long as the listener stays."""
        self.snapshot, self.publications = b"", ()

    def leave(self) -> None:
        """Afterwards nothing more comes. To be called once the listener is done, however it ended; again is fine."""
        if self._left:
            return
        self._left = True
        if self._gate is not None:
            self.feed.remove(self._gate)
        self.feed.remove(self._listener)
        self._release(self.feed)


async def join(
    feed: Feed,
    epoch: str,
    snapshots: Snapshots,
    listener: Listener,
    recover: tuple[str, int] | None,
    user: str,
    release: Callable[[Feed], None],
) -> Joined:
    """The answer for a listener; `recover` is (epoch, offset) of the last event it has.

    Raises:
        NotFound: the user is no participant, or there is no session.
        Unavailable: it can't be read now.
    """
    await admit(feed, user)
    gate = Gate(user)
    feed.add(gate)
    try:
        page = await _missed(feed, epoch, recover) if recover else None
        if recover and page is not None:
            measures.JOINS.labels("recovered").inc()
            fresh, rest = None, page
        else:
            measures.JOINS.labels("unrecovered" if recover else "snapshot").inc()
            fresh, rest = await _fresh(feed, snapshots)
        _still(feed, gate)
    except BaseException:
        feed.remove(gate)
        raise
    running = feed.running()
    # These texts hold every chunk up to now; the gate goes on with the next one.
    gate.held = [(frame, seq) for frame, seq in gate.held if seq is not None]
    return Joined(
        epoch=epoch,
        offset=fresh.at if fresh else recover[1] if recover else 0,
        snapshot=fresh.with_running(running) if fresh else orjson.dumps({"running": running}),
        publications=[] if fresh else [pub for _, pub in rest.events],
        recovered=fresh is None,
        was_recovering=recover is not None,
        feed=feed,
        _listener=listener,
        _gate=gate,
        _up_to=rest.up_to,
        _backlog=rest.events if fresh else [],
        _release=release,
    )


async def admit(feed: Feed, user: str) -> None:
    """Returns if the user may read. Whom this gateway does not know of is asked about, lest it is a moment behind.

    Raises:
        NotFound: the user is no participant, or there is no session.
        Unavailable: it can't be read now.
    """
    if user not in feed.state.participants:
        await feed.catch_up()
    if user not in feed.state.participants:
        raise errors.NotFound("session")


def _still(feed: Feed, gate: Gate) -> None:
    if gate.was_insufficient or feed.dropped:
        raise errors.Unavailable("the session has to be opened anew")
    if gate.was_revoked:
        raise errors.NotFound("session")


async def _missed(feed: Feed, epoch: str, recover: tuple[str, int]) -> Page | None:
    """What came after the client's position, if all of it fits into one answer; None if that can't be proved."""
    client_epoch, offset = recover
    if client_epoch not in ("", epoch) or offset < 0:
        return None
    if offset > feed.chain.covered:
        await feed.catch_up()
    if offset > feed.chain.covered:
        return None
    page = await feed.events_after(offset, RECOVER_EVENTS, RECOVER_BYTES)
    return None if page is None or page.more else page


async def _fresh(feed: Feed, snapshots: Snapshots) -> tuple[Snapshot, Page]:
    """A snapshot, and the events from its position to where the feed is."""
    taken = await snapshots.take(feed)
    if taken.at > feed.chain.covered:
        await feed.catch_up()
    if taken.at <= feed.chain.covered:
        page = await feed.events_after(taken.at, BACKLOG_EVENTS, BACKLOG_BYTES)
        if page is not None and not page.more:
            return taken, page
    taken = await snapshots.by_events(feed)  # the projector is too far behind, or of another log
    page = await feed.events_after(taken.at, BACKLOG_EVENTS, BACKLOG_BYTES)
    if page is None or page.more:
        raise errors.Unavailable("the session can't be read whole")
    return taken, page
