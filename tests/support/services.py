"""One of our services as a real process, as it runs in production."""

import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.ops import ports, probes, process
from services.ops.process import Command
from tests.support import programs

READY_S = 30.0
SECRET = "a-secret-for-tests-of-thirty-two-bytes-or-more"
SERVICE_KEY = "a-service-key-for-tests"

# Children get this and what a test gives them: nothing of the developer's own environment reaches a test.
CLEAN = {
    "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/sbin:/sbin:{os.defpath}",
    "LANG": "C.UTF-8",
    "ANTIPHON_SECRET": SECRET,
    "ANTIPHON_SERVICE_KEY": SERVICE_KEY,
}


@dataclass(slots=True)
class RealService:
    """A running service; its HTTP port serves health and metrics, and the gateway's everything else."""

    name: str
    port: int
    log_file: Path
    popen: programs.Program

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def kill(self) -> None:
        """The process is gone at once, without a goodbye (kill -9)."""
        self.popen.kill()
        self.popen.wait()

    def terminate(self, grace_s: float = 10.0) -> int:
        """The process has stopped as `up` stops it; its exit code."""
        return process.stop(self.popen, Command(()).stop_signal, grace_s)


@asynccontextmanager
async def running(
    service: str,
    environment: Mapping[str, str],
    instance: str = "",
    port: int | None = None,
    wait_ready: bool = True,
    ready_s: float = READY_S,
) -> AsyncIterator[RealService]:
    """`python -m services.<service>`, ready inside the block (unless `wait_ready` is off) and gone after it.

    Its log is printed if the block or the start fails.
    """
    name, port = instance or f"{service}-1", port or ports.free_port()
    own = {"ANTIPHON_INSTANCE": name, "ANTIPHON_HOST": "127.0.0.1", "ANTIPHON_PORT": str(port)}
    with tempfile.TemporaryDirectory(prefix="antiphon-") as directory:
        log = Path(directory) / f"{name}.log"
        with log.open("ab") as output:
            popen = programs.start(f"services.{service}", env=CLEAN | own | dict(environment), output=output)
        one = RealService(name, port, log, popen)
        try:
            if wait_ready:
                assert await probes.until(lambda: _up(one), ready_s, pause_s=0.03), f"{name} did not become ready"
            yield one
        except BaseException:
            print(f"--- the end of the log of {name} ---\n{one.log[-6000:]}")
            raise
        finally:
            one.terminate(grace_s=5.0)


async def _up(one: RealService) -> bool:
    assert one.popen.poll() is None, f"{one.name} ended with {process.describe_end(one.popen.returncode)}"
    return await probes.ready(one.port)
