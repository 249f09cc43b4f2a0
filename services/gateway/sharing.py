"""One read for all who want the same at the same time, and never one that began before somebody asked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """`read` by key. Who asks while a read of the key is under way waits for the next one, with all others who do."""

    def __init__(self, read: Callable[[str], Awaitable[T]]) -> None:
        self._read = read
        self._under_way: dict[str, asyncio.Task[T]] = {}
        self._next: dict[str, asyncio.Task[T]] = {}

    async def __call__(self, key: str) -> T:
        """What `read` gives, as of a moment after this call. Raises what it raises."""
        task = self._next.get(key)
        if task is None:
            task = self._next[key] = asyncio.create_task(self._run(key, self._under_way.get(key)))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # if nobody waits any more
        return await asyncio.shield(task)

    async def _run(self, key: str, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait([before])
        self._under_way[key] = self._next.pop(key)
        try:
            return await self._read(key)
        finally:
            del self._under_way[key]
