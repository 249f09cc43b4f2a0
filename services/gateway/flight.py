"""What one client has begun and has not been answered: tasks, and messages that need none."""

import asyncio
from collections.abc import Coroutine
from typing import Any

MAX_IN_FLIGHT = 256
MAX_READS = 8  # of one connection at a time: each may fetch a megabyte over the bus that all share

_Ended = asyncio.Future[None]


class Begun:
    """A message that is on its way. Who waits for its end makes the future; mostly nobody does."""

    __slots__ = ("_ended",)

    def __init__(self) -> None:
        self._ended: _Ended | None = None

    def ended(self) -> _Ended:
        """Done when it has been answered."""
        if self._ended is None:
            self._ended = asyncio.get_running_loop().create_future()
        return self._ended

    def end(self) -> None:
        """It has been answered."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)


class Flight:
    """The commands of one connection that run beside each other."""

    __slots__ = ("_begun", "_reads", "_writes")

    def __init__(self) -> None:
        # Dictionaries for their keys: sets that are empty take three times as much, and most connections are idle.
        self._begun: dict[Begun, None] = {}
        self._reads: dict[asyncio.Task[None], None] = {}
        self._writes: dict[asyncio.Task[None], None] = {}

    @property
    def has_tasks(self) -> bool:
        """Whether there are writes whose place in order is not certain yet: nothing may begin without a task."""
        return bool(self._writes)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may begin."""
        return len(self._begun) + len(self._reads) + len(self._writes) >= MAX_IN_FLIGHT

    def start(self) -> Begun:
        """A message is begun, to be given to `end`."""
        begun = Begun()
        self._begun[begun] = None
        return begun

    def end(self, begun: Begun) -> None:
        """It has been answered, or was not begun after all."""
        self._begun.pop(begun, None)
        begun.end()

    def read(self, running: Coroutine[Any, Any, None]) -> None:
        """Runs it as a read."""
        _keep(self._reads, running)

    def write(self, running: Coroutine[Any, Any, None]) -> None:
        """Runs it as a write."""
        _keep(self._writes, running)

    def writes(self) -> list[_Ended]:
        """The ends of the writes that have begun."""
        return [*self._writes, *(begun.ended() for begun in self._begun)]

    async def room(self, *, for_read: bool) -> None:
        """Returns when one more may begin."""
        while self.is_full or (for_read and len(self._reads) >= MAX_READS):
            waiting: list[_Ended] = [*self.writes(), *self._reads] if self.is_full else [*self._reads]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    def cancel_reads(self) -> None:
        """Nobody is there to read the answers."""
        for task in tuple(self._reads):
            task.cancel()


def _keep(tasks: dict[asyncio.Task[None], None], running: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(running)
    tasks[task] = None
    task.add_done_callback(tasks.pop)


async def all_ended(ends: list[_Ended]) -> None:
    """Returns when all of them are."""
    waiting = [end for end in ends if not end.done()]
    if waiting:
        await asyncio.wait(waiting)
