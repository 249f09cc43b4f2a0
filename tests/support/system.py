"""The whole system, started as a user starts it: `antiphon up`."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from services.ops import ports, process, state
from services.ops.datadir import DataDir
from services.ops.process import Command
from shared import auth
from tests.support import programs
from tests.support.eventually import eventually
from tests.support.services import CLEAN, SECRET

READY_S = 60.0


@dataclass(slots=True)
class System:
    """A running `antiphon up` in a data directory of its own. `addresses` are those of its ready line."""

    data_dir: Path
    port: int
    output_file: Path
    popen: subprocess.Popen[bytes]
    addresses: list[str] = field(default_factory=list)

    @property
    def output(self) -> str:
        return self.output_file.read_text(errors="replace")

    def ps(self) -> dict[str, dict[str, Any]]:
        """What runs, by name: what `antiphon ps --json` shows, without the half second it takes to start."""
        return {one.name: asdict(one) for one in state.read(DataDir(self.data_dir).state_file)}

    def kill(self, name: str) -> int:
        """The process `name` is gone (kill -9); the supervisor has yet to notice. Returns the pid it had."""
        pid = int(self.ps()[name]["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    async def back(self, name: str, pid: int, timeout_s: float = 10.0) -> int:
        """`name` runs again under another number than `pid`: that number. It may not listen yet."""

        def other() -> int:
            now = int(self.ps()[name]["pid"])
            return 0 if now == pid else now

        return await eventually(other, timeout_s)

    async def listens(self, name: str) -> None:
        """Returns when `name` takes connections."""
        await eventually(lambda: _listens(int(self.ps()[name]["port"])))

    def token(self, user: str, **claims: Any) -> str:
        return auth.mint(SECRET, user, **claims)

    def stop(self, number: signal.Signals = signal.SIGTERM, grace_s: float = 10.0) -> int:
        """The system has stopped as on Ctrl-C or a shutdown: the exit code of `up`."""
        process.send(self.popen, number)
        return self.popen.wait(grace_s)


@asynccontextmanager
async def whole_system(
    data_dir: Path, *flags: str, environment: Mapping[str, str] | None = None, port: int | None = None
) -> AsyncIterator[System]:
    """`antiphon up <flags>`, ready inside the block and gone after it. Logs are printed if the block fails.

    The same `data_dir` again is the same system after a restart.
    """
    first = port or free_pair()
    data_dir.mkdir(parents=True, exist_ok=True)
    output = data_dir / "up.log"
    output.write_text("")
    given = CLEAN | {"ANTIPHON_POSTGRES_DURABLE": "off"} | dict(environment or {})
    argv = (sys.executable, "-m", "services.ops", "up", "--data-dir", str(data_dir), "--port", str(first), *flags)
    one = System(data_dir, first, output, process.spawn(Command(argv, given, cwd=data_dir), output))
    try:
        one.addresses = await eventually(lambda: _ready(one), READY_S)
        yield one
    except BaseException:
        for log in (output, *sorted((data_dir / "logs").glob("*.log"))):
            print(f"--- the end of {log.name} ---\n{log.read_text(errors='replace')[-3000:]}")
        raise
    finally:
        process.stop(one.popen, signal.SIGTERM, grace_s=12.0)


def _ready(one: System) -> list[str]:
    found = [line.split()[1:] for line in one.output.splitlines() if line.startswith("ready ")]
    if not found and one.popen.poll() is not None:
        raise RuntimeError(f"antiphon up ended with {process.describe_end(one.popen.returncode)}")
    return found[0] if found else []


def free_pair() -> int:
    """A free port after which the next one is free, too."""
    while True:
        port = ports.free_port()
        if ports.is_free(port + 1) and ports.reserve(port + 1):
            return port


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def antiphon(*words: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The finished run of one `antiphon` command in a clean environment."""
    with TemporaryFile() as output, TemporaryFile() as errors:
        ran = programs.start("services.ops", *words, env=CLEAN | environment, output=output, errors=errors, cwd=cwd)
        try:
            code = ran.wait(120)
        finally:
            ran.kill()
            ran.wait()
        said = []
        for file in (output, errors):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(ran.args, code, *said)
