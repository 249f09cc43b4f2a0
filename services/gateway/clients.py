"""The connections of this gateway by user: one user can't take all of them, and all can be sent elsewhere at once."""

from collections import defaultdict
from typing import Protocol

from services.gateway.closing import Close


class Closable(Protocol):
    """A connection as it is seen from here."""

    def close(self, why: Close) -> None:
        """It ends."""


class Clients:
    """Counts, on this gateway alone. `max_per_user` 0 lifts the limit."""

    def __init__(self, max_per_user: int) -> None:
        self._max_per_user = max_per_user
        self._by_user: defaultdict[str, dict[str, Closable]] = defaultdict(dict)

    def add(self, user: str, client: str, socket: Closable) -> bool:
        """Whether the user may have this connection too; if so, it is counted until `remove`."""
        mine = self._by_user[user]
        if self._max_per_user and len(mine) >= self._max_per_user:
            return False
        mine[client] = socket
        return True

    def remove(self, user: str, client: str) -> None:
        """No longer counted."""
        mine = self._by_user.get(user)
        if mine is not None:
            mine.pop(client, None)
            if not mine:
                del self._by_user[user]

    def close_all(self, why: Close) -> None:
        """Every connection is closed with this code."""
        for socket in [socket for mine in self._by_user.values() for socket in mine.values()]:
            socket.close(why)
