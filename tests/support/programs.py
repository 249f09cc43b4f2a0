"""The programs of this tree, started in an instant: forked from a process that has imported all of them once.

Importing is most of the work of a start, and tests start hundreds of programs. A forked one is a process like any
other, with its own session, environment, output and exit code. What only a start from nothing can show is seen
wherever `antiphon up` starts its parts.
"""

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]


class Forked:
    """A forked program, with what is used of `subprocess.Popen`."""

    def __init__(self, pid: int, exit_code: int, args: tuple[str, ...]) -> None:
        self.pid = pid
        self.args = args
        self.returncode: int | None = None
        self._exit_code = exit_code

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, negative if a signal was the end of it.

        Raises:
            subprocess.TimeoutExpired: it runs.
        """
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._exit_code, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(os.read(self._exit_code, 16))
            os.close(self._exit_code)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Program = Forked | subprocess.Popen[bytes]


class _Zygote:
    """What programs are forked from. It ends with this process, and they end with it."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "tests.support.zygote"),
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                cwd=ROOT,
                env={"LANG": "C.UTF-8"},
                start_new_session=True,
            )

    def fork(
        self, argv: tuple[str, ...], env: Mapping[str, str], cwd: Path, output: IO[Any], errors: IO[Any]
    ) -> Forked:
        program, *words = argv
        request = {"program": program, "words": words, "env": dict(env), "cwd": str(cwd)}
        ours, theirs = os.pipe()
        with self._turn:
            try:
                files = [theirs, output.fileno(), errors.fileno()]
                socket.send_fds(self._socket, [json.dumps(request).encode()], files)
            finally:
                os.close(theirs)
            return Forked(int(self._socket.recv(32)), ours, argv)

    def end(self) -> None:
        """It is gone, and everything that was forked from it."""
        self._socket.close()
        self._process.wait()


@cache
def _zygote() -> _Zygote:
    one = _Zygote()
    atexit.register(one.end)
    return one


def start(
    *argv: str, env: Mapping[str, str], output: IO[Any], errors: IO[Any] | None = None, cwd: Path | None = None
) -> Program:
    """`python -m <argv>` in a session of its own, with no input; without `errors` those go to the output, too.

    It dies with this process, even after kill -9.
    """
    cwd, errors = cwd or Path.cwd(), errors or output
    if sys.platform == "linux":
        return _zygote().fork(argv, env, cwd, output, errors)
    return subprocess.Popen(
        (sys.executable, "-m", *argv),
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        start_new_session=True,
    )
