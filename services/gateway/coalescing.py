"""Receipts: many small steps of a reader become one event a second and session.

The first of a while is recorded at once. Those that follow within a second wait for its end together, and the furthest
of them is recorded: it says what the others say. All of them get its answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from shared.session.receipts import ReadUpTo

PAUSE_S = 1.0

Answer = dict[str, Any]
Key = tuple[str, str]


@dataclass(slots=True)
class _Waiting:
    furthest: ReadUpTo
    answered: asyncio.Future[Answer]


@dataclass(slots=True)
class Coalesced:
    """The receipts of one gateway, by session and user. Nothing is kept of who has been quiet for a second."""

    _waiting: dict[Key, _Waiting] = field(default_factory=dict)
    _rests_until: dict[Key, float] = field(default_factory=dict)

    async def take(self, key: Key, command: ReadUpTo, record: Callable[[ReadUpTo], Awaitable[Answer]]) -> Answer:
        """What `record` answers for the furthest of the commands that wait together."""
        waiting = self._waiting.get(key)
        if waiting is None:
            answered = asyncio.ensure_future(self._record(key, record))  # begins after this returns to the loop
            waiting = self._waiting[key] = _Waiting(command, answered)
        elif command.up_to_seq > waiting.furthest.up_to_seq:
            waiting.furthest = command
        return await asyncio.shield(waiting.answered)

    async def _record(self, key: Key, record: Callable[[ReadUpTo], Awaitable[Answer]]) -> Answer:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._rests_until.get(key, 0.0) - loop.time()))
        furthest = self._waiting.pop(key).furthest
        self._rests_until[key] = loop.time() + PAUSE_S
        loop.call_later(PAUSE_S, self._forget, key)
        return await record(furthest)

    def _forget(self, key: Key) -> None:
        if self._rests_until.get(key, 0.0) <= asyncio.get_running_loop().time():
            self._rests_until.pop(key, None)
