"""The connections of this process by user, so that one user can't take all of them."""

from collections import defaultdict


class Clients:
    """Counts. `max_per_user` 0 lifts the limit."""

    def __init__(self, max_per_user: int) -> None:
        self._max_per_user = max_per_user
        self._by_user: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, user: str, client: str) -> bool:
        """Whether the user may have this connection too; if so, it is counted until `remove`."""
        mine = self._by_user[user]
        if self._max_per_user and len(mine) >= self._max_per_user:
            return False
        mine.add(client)
        return True

    def remove(self, user: str, client: str) -> None:
        """No longer counted."""
        mine = self._by_user.get(user)
        if mine is not None:
            mine.discard(client)
            if not mine:
                del self._by_user[user]
