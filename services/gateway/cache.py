"""Sessions that nobody listens to, kept for a while: bounded in number, age and bytes; the longest unused go first."""

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar

from services.gateway import measures


class Remembered(Protocol):
    """What is kept."""

    session_id: str


T = TypeVar("T", bound=Remembered)


class Cache(Generic[T]):
    """By session. The clock is the caller's, in seconds."""

    def __init__(self, max_sessions: int, max_age_s: float, max_bytes: int) -> None:
        self.bytes = 0
        self._max_sessions = max_sessions
        self._max_age_s = max_age_s
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, tuple[T, int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, session_id: str, now_s: float) -> T | None:
        """The session, which is not kept any more; None if it was not, or for too long."""
        self.trim(now_s)
        found = self._kept.pop(session_id, None)
        measures.CACHE.labels("miss" if found is None else "hit").inc()
        if found is None:
            return None
        self.bytes -= found[1]
        return found[0]

    def put(self, session: T, size: int, now_s: float) -> None:
        """Keeps it, which takes `size` bytes, and lets go of others for it. It must not grow while it is kept."""
        self._kept[session.session_id] = (session, size, now_s)
        self.bytes += size
        self.trim(now_s)

    def trim(self, now_s: float) -> None:
        """Lets go of what is over a bound."""
        while self._kept:
            session_id, (_, size, put_at) = next(iter(self._kept.items()))
            if now_s - put_at > self._max_age_s:
                cause = "age"
            elif len(self._kept) > self._max_sessions:
                cause = "count"
            elif self.bytes > self._max_bytes:
                cause = "bytes"
            else:
                return
            del self._kept[session_id]
            self.bytes -= size
            measures.CACHE_EVICTIONS.labels(cause).inc()

    def clear(self) -> None:
        """Keeps nothing."""
        self._kept.clear()
        self.bytes = 0
