"""The order of one session, without I/O: live copies and fills in, events to deliver out, each once and in place.

A live copy is a hint: it may be missing, repeated, late or out of order. What it says of itself is true: its `seq`,
and `prev`, the seq of the session's event before it when it was stored. From that the rules follow:

    seq <= covered     a repeat: dropped
    prev == covered    nothing is between: delivered
    any other prev     held until a fill has closed the gap, or said that there is none: `prev` is higher if a copy is
                       missing, and lower, or 0, if what was before has left the stream, seen here or not
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from shared.bus.client import header
from shared.bus.direct import Stored

_PLACE = re.compile(  # as the server writes them; in another order they are found one by one
    rb"\r\nNats-Stream: EVENTS\r\nNats-Subject: [^\r]*\r\nNats-Sequence: (\d+)\r\n"
    rb"Nats-Time-Stamp: [^\r]*\r\nNats-Last-Sequence: (\d+)\r\n"
)


class Copy(NamedTuple):
    """A live copy as it came from the server."""

    seq: int
    prev: int
    body: bytes


class Link(NamedTuple):
    """An event in its place. `prev` is the session's event before it as everybody here has seen it; 0: none."""

    seq: int
    prev: int
    body: bytes


def live_copy(headers: bytes, body: bytes) -> Copy | None:
    """The copy of an event that the server published again; None if it is a chunk of a reply.

    Raises:
        ValueError: it is neither.
    """
    if place := _PLACE.search(headers):
        return Copy(int(place[1]), int(place[2]), body)
    match header(headers, b"Nats-Stream"):
        case b"EVENTS":
            return Copy(int(header(headers, b"Nats-Sequence")), int(header(headers, b"Nats-Last-Sequence")), body)
        case b"DELTAS":
            return None
        case other:
            raise ValueError(f"a live copy of {other!r}")


class Chain:
    """Everything of the session up to `covered` has been given out; `last` is the newest event among it.

    `covered` only grows. It may be above `last`, where the events in between were erased.
    `floor` is the stream's first seq as of the last fill.
    """

    def __init__(self) -> None:
        self.last = 0
        self.covered = 0
        self.floor = 1
        self._held: dict[int, Copy] = {}

    @property
    def gap(self) -> bool:
        """Whether copies are held, waiting for a fill."""
        return bool(self._held)

    @property
    def held(self) -> int:
        """How many copies are held."""
        return len(self._held)

    @property
    def expectation(self) -> int:
        """What a publish that must follow `last` expects: below its first seq the stream counts from 0."""
        return self.last if self.last >= self.floor else 0

    def live(self, copy: Copy) -> list[Link]:
        """What a live copy sets free: nothing (a repeat, or held), itself, or itself and what was held for it."""
        if copy.seq <= self.covered or copy.seq in self._held:
            return []
        if not self._follows(copy):
            self._held[copy.seq] = copy
            return []
        return [self._link(copy.seq, copy.body), *self._release()]

    def filled(self, events: Iterable[Stored], up_to: int) -> list[Link]:
        """What a fill sets free. `events` are in order and hold every stored event after a position that was once
        `covered`, up to `up_to`.
        """
        links = [self._link(event.seq, event.body) for event in events if event.seq > self.covered]
        self.covered = max(self.covered, up_to)
        return links + self._release()

    def _follows(self, copy: Copy) -> bool:
        return copy.prev == self.covered > 0

    def _link(self, seq: int, body: bytes) -> Link:
        link = Link(seq, self.last, body)
        self.last = self.covered = seq
        return link

    def _release(self) -> list[Link]:
        links: list[Link] = []
        for seq in sorted(self._held):
            copy = self._held[seq]
            if seq > self.covered:
                if not self._follows(copy):
                    break
                links.append(self._link(seq, copy.body))
            del self._held[seq]
        return links
