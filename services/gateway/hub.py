"""Who listens to one session here, and how they are told: the same bytes to everyone, without waiting for anyone."""

from typing import Protocol

from shared.logging import get_logger

log = get_logger("hub")


class Listener(Protocol):
    """One subscribed socket or one event stream. Its methods return at once and raise nothing.

    A listener that leaves while a frame is being handed round may still be given that frame.
    """

    user: str

    def deliver(self, frame: bytes, seq: int | None) -> None:
        """One complete push; `seq` is None for what is never stored. Everybody gets the same bytes object."""

    def revoked(self) -> None:
        """The user is no participant any more (unsubscribe 2000)."""

    def insufficient(self) -> None:
        """That nothing is missing can't be proved any more (unsubscribe 2500)."""


class Hub:
    """The listeners of one session, in the order in which they came."""

    def __init__(self) -> None:
        self._listeners: dict[int, Listener] = {}

    def __len__(self) -> int:
        return len(self._listeners)

    def add(self, listener: Listener) -> None:
        """From now on the listener is told."""
        self._listeners[id(listener)] = listener

    def remove(self, listener: Listener) -> None:
        """From now on it is not."""
        self._listeners.pop(id(listener), None)

    def deliver(self, frame: bytes, seq: int | None) -> None:
        """Hands one frame to everybody."""
        for listener in tuple(self._listeners.values()):
            try:
                listener.deliver(frame, seq)
            except Exception:  # one socket's fault must not reach the others
                self.remove(listener)
                log.exception("listener_failed")

    def retain(self, users: frozenset[str]) -> None:
        """Tells those whose user is not among `users` that they are revoked, and lets go of them."""
        for listener in [each for each in self._listeners.values() if each.user not in users]:
            self.remove(listener)
            listener.revoked()

    def insufficient(self) -> None:
        """Tells everybody that continuity can't be proved, and lets go of them."""
        listeners, self._listeners = self._listeners, {}
        for listener in listeners.values():
            listener.insufficient()
