"""Real NATS and PostgreSQL servers for tests, and what can happen to them."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from services.ops import ports, probes, process
from services.ops.embedded import nats, postgres
from services.ops.part import Part

READY_S = 15.0


class RealServer:
    """One server process. It keeps its port and its data over `kill` and `restart`."""

    def __init__(self, part: Part, directory: Path) -> None:
        self.part = part
        self.port = part.port
        self.directory = directory
        self._log = directory / f"{part.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def launch(self) -> None:
        """The server is starting."""
        self.part.before_start()
        self._process = process.spawn(self.part.command, self._log)

    async def ready(self) -> None:
        assert await probes.until(self.part.is_ready, READY_S, pause_s=0.01), f"{self.part.name}:\n{self.log[-3000:]}"

    def stop(self) -> None:
        """The server has ended as it would at a shutdown of the machine."""
        if self._process is not None:
            self.resume()
            process.stop(self._process, self.part.command.stop_signal)

    def kill(self) -> None:
        """The server is gone at once (kill -9, out of memory). Memory streams are lost; files are what they were."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def restart(self) -> None:
        """The server, stopped or killed before, is back on the same port with the same files."""
        self.stop()
        self.launch()
        await self.ready()

    def pause(self) -> None:
        """The server takes connections and answers nothing (a stalled disk, a frozen virtual machine)."""
        freeze(self._running().pid)

    def resume(self) -> None:
        """The server goes on where it was."""
        process.send(self._running(), signal.SIGCONT)

    @asynccontextmanager
    async def killed(self) -> AsyncIterator[None]:
        """Inside, the server is dead; afterwards it is back. Realistic: what `antiphon up` does, only slower."""
        self.kill()
        try:
            yield
        finally:
            await self.restart()

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """Inside, the server is frozen with its connections open; afterwards it goes on. Realistic, if rare."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process


class NatsServer(RealServer):
    """A NATS server with JetStream and an empty store."""

    def __init__(self, directory: Path, settings: nats.NatsSettings | None = None) -> None:
        super().__init__(nats.part(directory / "nats", ports.free_port(), settings), directory)
        self.url = nats.url(self.port)


class PostgresServer(RealServer):
    """A PostgreSQL server that doesn't wait for the disk. `pause` reaches new connections only."""

    PASSWORD = "test"

    def __init__(self, directory: Path) -> None:
        settings = postgres.PostgresSettings(durable=False)
        super().__init__(postgres.part(directory / "postgres", ports.free_port(), self.PASSWORD, settings), directory)

    def url(self, database: str = "postgres") -> str:
        return postgres.url(self.port, self.PASSWORD, database)


def apart(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Runs a coroutine to its end in a loop and thread of its own: for fixtures that live longer than a test's loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result()


def freeze(pid: int) -> None:
    """The process does nothing until it gets SIGCONT. The signal alone is not yet that: somebody has to take it."""
    os.kill(pid, signal.SIGSTOP)
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        os.sched_yield()


def alive(pid: int) -> bool:
    """Whether the process runs. One that ended and was not yet reaped doesn't."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
