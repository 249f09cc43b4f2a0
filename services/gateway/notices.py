"""What concerns one user, or all, rather than a session: passed on to the sockets here, never stored.

One subscription for all users. Notices are few and small; a subscription per user would cost each idle socket more
memory than everything else it holds.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson

from services.gateway import protocol
from shared import subjects
from shared.bus.client import QuickClient

CHANNEL_PREFIX = "user:"


class Notices:
    """Who is told, by user."""

    def __init__(self) -> None:
        self._pushes: defaultdict[str, set[Callable[[bytes], None]]] = defaultdict(set)
        self._users: dict[str, str] = {}

    def add(self, user: str, push: Callable[[bytes], None]) -> None:
        """`push` gets the user's notices as complete pushes."""
        token = subjects.user_token(user)
        self._users[token] = user
        self._pushes[token].add(push)

    def remove(self, user: str, push: Callable[[bytes], None]) -> None:
        """It no longer does."""
        token = subjects.user_token(user)
        self._pushes[token].discard(push)
        if not self._pushes[token]:
            del self._pushes[token], self._users[token]

    def tell_all(self, payload: bytes) -> None:
        """Every socket of this gateway gets this message."""
        for push in [push for pushes in self._pushes.values() for push in pushes]:
            push(payload)

    def on_message(self, subject: bytes, _reply: bytes, _headers: bytes, body: bytes) -> None:
        """One notice came. What is not JSON is passed over."""
        token = subject.decode().split(".", 1)[1]
        if token not in self._pushes:
            return
        try:
            data = orjson.loads(body)
        except orjson.JSONDecodeError:
            return
        payload = protocol.push(CHANNEL_PREFIX + self._users[token], "pub", {"data": data})
        for push in tuple(self._pushes[token]):
            push(payload)

    @asynccontextmanager
    async def listening(self, client: QuickClient) -> AsyncIterator[None]:
        """Notices are passed on while the block runs."""
        subscription = await client.listen(subjects.notice("*"), self.on_message)
        try:
            yield
        finally:
            if client.is_connected:
                await subscription.unsubscribe()
