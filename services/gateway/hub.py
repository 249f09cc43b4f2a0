"""Who listens to one session here, and how they are told: the same bytes to everyone, without waiting for anyone.

To tell a crowd costs a system call for each of it. So what comes within `ROUND_S` of a crowd's last frame is handed
round together, and each socket gets it in one write. A frame after a pause goes out at once, as all do in a small room.
"""

import asyncio
from typing import NamedTuple, Protocol

from shared.logging import get_logger

log = get_logger("hub")

CROWD = 50  # listeners on this gateway
ROUND_S = 0.02
MAX_KEPT = 16  # frames of one round: a write of so many is cheap enough not to wait for more


class Round(NamedTuple):
    """Pushes that are handed round together: what `deliver` gets, one after the other, and all of them a line each."""

    pushes: list[tuple[bytes, int | None]]
    lines: bytes


class Listener(Protocol):
    """One subscribed socket or one event stream. Its methods return at once and raise nothing.

    A listener that leaves while a frame is being handed round may still be given that frame.
    """

    __slots__ = ()
    user: str

    def deliver(self, frame: bytes, seq: int | None) -> None:
        """One complete push; `seq` is None for what is never stored. Everybody gets the same bytes object."""

    def deliver_round(self, several: Round) -> None:
        """Several. Everybody gets the same object."""
        for frame, seq in several.pushes:
            self.deliver(frame, seq)

    def revoked(self) -> None:
        """The user is no participant any more (unsubscribe 2000)."""

    def insufficient(self) -> None:
        """That nothing is missing can't be proved any more (unsubscribe 2500)."""


class Hub:
    """The listeners of one session, in the order in which they came."""

    def __init__(self) -> None:
        self._listeners: dict[int, Listener] = {}
        self._kept: list[tuple[bytes, int | None]] | None = None  # what waits for a crowd's next round
        self._quiet_until = 0.0

    def __len__(self) -> int:
        return len(self._listeners)

    def add(self, listener: Listener) -> None:
        """From now on the listener is told."""
        self.settle()
        self._listeners[id(listener)] = listener

    def remove(self, listener: Listener) -> None:
        """From now on it is not; it has been told what came before."""
        self.settle()
        self._listeners.pop(id(listener), None)

    def deliver(self, frame: bytes, seq: int | None) -> None:
        """Hands one frame to everybody: at once, or in a crowd that was just told of something, in its next round."""
        if self._kept is not None:
            self._kept.append((frame, seq))
            if len(self._kept) >= MAX_KEPT:
                self.settle()
        elif len(self._listeners) < CROWD:
            self._hand(frame, seq)
        else:
            loop = asyncio.get_running_loop()
            if loop.time() < self._quiet_until:
                self._kept = [(frame, seq)]
                loop.call_at(self._quiet_until, self.settle)
            else:
                self._quiet_until = loop.time() + ROUND_S
                self._hand(frame, seq)

    def settle(self) -> None:
        """What has been delivered has been handed to everybody."""
        if self._kept is None:
            return
        kept, self._kept = self._kept, None
        self._quiet_until = asyncio.get_running_loop().time() + ROUND_S
        several = Round(kept, b"\n".join([frame for frame, _ in kept]))
        for listener in tuple(self._listeners.values()):
            try:
                listener.deliver_round(several)
            except Exception:  # one socket's fault must not reach the others
                self.remove(listener)
                log.exception("listener_failed")

    def _hand(self, frame: bytes, seq: int | None) -> None:
        for listener in tuple(self._listeners.values()):
            try:
                listener.deliver(frame, seq)
            except Exception:  # as above
                self.remove(listener)
                log.exception("listener_failed")

    def retain(self, users: frozenset[str]) -> None:
        """Tells those whose user is not among `users` that they are revoked, and lets go of them."""
        self.settle()
        for listener in [each for each in self._listeners.values() if each.user not in users]:
            self.remove(listener)
            listener.revoked()

    def insufficient(self) -> None:
        """Tells everybody that continuity can't be proved, and lets go of them."""
        self.settle()
        listeners, self._listeners = self._listeners, {}
        for listener in listeners.values():
            listener.insufficient()
