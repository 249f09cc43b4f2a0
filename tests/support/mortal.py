"""Workers that die at a named step of what they do, at once and without a goodbye (as by kill -9 or out of memory).

`python -m tests.support.mortal` imports a worker once and forks one for each line of its input, `{"step", "settings"}`;
it answers with the child's pid. A step is a function of the worker, wrapped before the child starts: production code
knows nothing of it.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from services.llm import intake
from services.llm.app import app
from services.llm.chunks import Chunks
from services.llm.jobs import Worker
from services.llm.lease import Leases
from services.llm.record import Recorder
from services.llm.reply import Replies
from services.llm.settings import LlmSettings
from shared.service import run
from tests.support.services import CLEAN

# Step: whose function, which one, whether the worker dies before or after it, and at which call of it.
STEPS: dict[str, tuple[Any, str, str, int]] = {
    "event taken, job not enqueued": (intake, "enqueue", "before", 1),
    "job enqueued, event not acknowledged": (intake, "enqueue", "after", 1),
    "job taken, no lease": (Leases, "_take", "before", 1),
    "lease taken, nothing read": (Leases, "_take", "after", 1),
    "context read, not started": (Recorder, "start", "before", 1),
    "started, nobody asked": (Recorder, "start", "after", 1),
    "first words said, not sent": (Chunks, "add", "after", 1),
    "in the middle of the text": (Chunks, "add", "after", 20),
    "all chunks sent, no end": (Recorder, "complete", "before", 1),
    "ended, lease held": (Recorder, "complete", "after", 1),
    "lease given back, job not acknowledged": (Worker, "_work", "after", 1),
    "cancel taken, not ended": (Replies, "cut", "before", 1),
    "cancelled, not acknowledged": (Replies, "cut", "after", 1),
}


def _mortal(do: Callable[..., Any], when: str, at: int) -> Callable[..., Any]:
    calls = 0

    def dies(now: str) -> None:
        if when == now and calls == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def called(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        dies("before")
        done = do(*args, **kwargs)
        if asyncio.iscoroutine(done):
            return _after(done)
        dies("after")
        return done

    async def _after(coroutine: Any) -> Any:
        done = await coroutine
        dies("after")
        return done

    return called


def _child(step: str, settings: dict[str, Any]) -> None:
    os.dup2(2, 1)  # the pipe is not its log
    if step:
        owner, name, when, at = STEPS[step]
        setattr(owner, name, _mortal(getattr(owner, name), when, at))
    run("llm", LlmSettings(**settings), app)


def main() -> None:
    """Forks until its input ends; then all children are gone."""
    children = []
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(asked["step"], asked["settings"])
            os._exit(0)
        children.append(pid)
        print(pid, flush=True)
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Nursery:
    """Workers on demand, each started in an instant."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._asking = asyncio.Lock()

    async def worker(self, instance: str, step: str = "", **settings: Any) -> int:
        """The pid of a new worker, which dies at `step` if one is named."""
        line = json.dumps({"step": step, "settings": {"instance": instance, **settings}})
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._asking:
            self._process.stdin.write(line.encode() + b"\n")
            return int(await self._process.stdout.readline())


@asynccontextmanager
async def nursery(log: Path) -> AsyncIterator[Nursery]:
    """A nursery while the block runs; its workers write to `log`."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.mortal",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
            env=CLEAN,
        )
        try:
            yield Nursery(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()


if __name__ == "__main__":
    main()
