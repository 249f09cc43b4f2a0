"""Which session gets a worker's next slot.

A session may have as many slots as it likes while many are free, and four at most while few are: so somebody who asks
for one reply never waits behind a session that asks for a thousand.
"""

from collections import Counter

FAIR = 4  # slots that every session may have, if there are any
RESERVE = 0.25  # of all slots, for sessions with fewer than that


class Slots:
    """The slots of one worker."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._reserve = int(count * RESERVE)
        self._taken: Counter[str] = Counter()

    def take(self, session_id: str) -> bool:
        """Whether the session has got one more slot."""
        free = self._count - self._taken.total()
        if free <= 0 or (self._taken[session_id] >= FAIR and free <= self._reserve):
            return False
        self._taken[session_id] += 1
        return True

    def give_back(self, session_id: str) -> None:
        """A slot of the session is free again."""
        self._taken[session_id] -= 1
        if not self._taken[session_id]:
            del self._taken[session_id]
