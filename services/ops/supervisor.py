"""A whole system on one machine: groups of processes, started in order and stopped in the reverse of it."""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from services.ops import orphans, state
from services.ops.datadir import DataDir
from services.ops.keeper import Keeper
from services.ops.part import Part
from services.ops.terminal import Terminal

READY_S = 60.0


class Supervisor:
    """Inside `async with`, every process started is kept alive; after it, none of them is left.

    One group's processes stop together; the groups stop in the reverse of the order in which they were started.
    """

    def __init__(self, data_dir: DataDir, terminal: Terminal) -> None:
        self._data_dir = data_dir
        self._terminal = terminal
        self._groups: list[list[Keeper]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def __aenter__(self) -> Self:
        orphans.clear(state.read(self._data_dir.state_file))
        self._write_state()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        for group in reversed(self._groups):
            await asyncio.gather(*(keeper.stop() for keeper in group))
        await asyncio.gather(*self._tasks)
        self._groups.clear()
        self._write_state()

    @property
    def keepers(self) -> list[Keeper]:
        """Every process of the system, in starting order."""
        return [keeper for group in self._groups for keeper in group]

    def launch(self, parts: Iterable[Part]) -> list[Keeper]:
        """The parts are starting, as one group."""
        group = [Keeper(part, self._data_dir.log(part.name), self._write_state, self._tell_death) for part in parts]
        self._groups.append(group)
        for keeper in group:
            self._tasks.add(asyncio.create_task(keeper.run(), name=keeper.part.name))
        return group

    async def until_ready(self, keepers: Iterable[Keeper], timeout_s: float = READY_S) -> None:
        """All of them are ready; each is told in the terminal as it happens.

        Raises:
            NeverReady: one of them is not, within `timeout_s` seconds.
        """
        waiting = [asyncio.create_task(self._until_ready(keeper, timeout_s)) for keeper in keepers]
        try:
            await asyncio.gather(*waiting)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _until_ready(self, keeper: Keeper, timeout_s: float) -> None:
        await keeper.until_ready(timeout_s)
        self._terminal.step(f"{keeper.part.name} is ready on port {keeper.part.port}")

    def _write_state(self) -> None:
        """`ps` sees what is running; a full disk costs only that."""
        try:
            state.write(self._data_dir.state_file, [keeper.running for keeper in self.keepers if keeper.running])
        except OSError as error:
            self._terminal.problem("the list for `antiphon ps` could not be written", str(error))

    def _tell_death(self, keeper: Keeper, pause_s: float) -> None:
        if not self._stopping:
            self._terminal.problem(
                f"{keeper.part.name} ended ({keeper.last_end}); again in {pause_s:.1f} s", keeper.last_output
            )
