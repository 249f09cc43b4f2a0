"""Keeps one process alive: starts it, sees it die, starts it again after a pause."""

import asyncio
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from services.ops import errors, process, state
from services.ops.backoff import Backoff
from services.ops.part import Part

LOOK_S = 0.03  # how often a process is looked at
ASK_S = 0.1  # how often one that starts is asked whether it is ready
DEATHS_AT_START = 5  # a part that dies so often before it was ever ready has a fault that pauses don't heal


class Keeper:
    """One part and the process that runs it now. `on_change` is called at each start, `on_death` at each end."""

    def __init__(
        self, part: Part, log: Path, on_change: Callable[[], None], on_death: Callable[["Keeper", float], None]
    ) -> None:
        self.part = part
        self.log = log
        self.restarts = 0
        self.running: state.Running | None = None
        self.last_output, self.last_end = "", ""
        self._on_change = on_change
        self._on_death = on_death
        self._backoff = Backoff()
        self._stopping = asyncio.Event()
        self._again = False
        self._process: subprocess.Popen[bytes] | None = None

    async def run(self) -> None:
        """Returns after `stop` only."""
        while not self._stopping.is_set():
            began, offset = time.monotonic(), self.log.stat().st_size if self.log.exists() else 0
            try:
                await asyncio.to_thread(self.part.before_start)
                if self._stopping.is_set():
                    return
                self._start()
                code = await self._ended()
                self.last_end = process.describe_end(code)
            except Exception as error:  # noqa: BLE001 - whatever it is this time, the next start may do
                self.last_output, self.last_end = str(error) or repr(error), "not started"
            else:
                self.last_output = _tail(self.log, offset) if code > 0 else ""  # a killed one had no last words
            if not self._stopping.is_set():
                await self._pause(time.monotonic() - began)

    def _start(self) -> None:
        self._process = process.spawn(self.part.command, self.log)
        self.running = state.Running(self.part.name, self._process.pid, self.part.port, self.restarts, state.now())
        self._on_change()

    async def _ended(self) -> int:
        """Its exit code, once it is gone with all that it started in its session."""
        while True:
            if self._process is None:
                return 0
            if (code := self._process.poll()) is not None:
                process.kill_group(self._process)
                return code
            await asyncio.sleep(LOOK_S)

    async def _pause(self, lived_s: float) -> None:
        self.restarts += 1
        if self._again:
            self._again = False
            return
        pause_s = self._backoff.after(lived_s)
        self._on_death(self, pause_s)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), pause_s)

    async def until_ready(self, timeout_s: float) -> None:
        """The part has said that it is ready.

        Raises:
            NeverReady: it has not within `timeout_s` seconds, or died again and again.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not await self.part.is_ready():
                    if self.restarts >= DEATHS_AT_START:
                        raise self._never(f"it died {self.restarts} times")
                    await asyncio.sleep(ASK_S)
        except TimeoutError:
            raise self._never(f"waited {timeout_s:.0f} s") from None

    def _never(self, reason: str) -> errors.NeverReady:
        return errors.NeverReady(name=self.part.name, reason=reason, log=self.log)

    def restart(self) -> None:
        """The process ends gently and comes back without a pause: its code has changed."""
        if self._process is not None and self._process.poll() is None:
            self._again = True
            process.send(self._process, self.part.command.stop_signal)

    async def stop(self) -> None:
        """The process is gone: asked first, killed after `part.stop_s` seconds; it doesn't come back."""
        self._stopping.set()
        if self._process is None:
            return
        process.send(self._process, self.part.command.stop_signal)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.part.stop_s):
                await self._ended()
        process.kill_group(self._process)
        await self._ended()


def _tail(log: Path, offset: int, lines: int = 3, most_bytes: int = 4096) -> str:
    """The last lines that were written to `log` after `offset`; none if somebody took the file away."""
    try:
        with log.open("rb") as file:
            file.seek(max(offset, log.stat().st_size - most_bytes))
            written = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(line[:400] for line in written[-lines:])
