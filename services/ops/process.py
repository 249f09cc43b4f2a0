"""Child processes that can't outlive the supervisor and hear no Ctrl-C of its terminal."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # Source: prctl(2)


@dataclass(frozen=True, slots=True)
class Account:
    """Another user to run a child as: PostgreSQL refuses to be root."""

    uid: int
    gid: int
    extra_groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """How a process is started and ended. `death_signal` is what it gets when the supervisor itself is killed.

    `niceness`: how far it steps back when processors are short (0 to 19); its children inherit it.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    niceness: int = 0


def spawn(command: Command, log: Path) -> subprocess.Popen[bytes]:
    """The process runs in a session of its own, writes to `log`, and on Linux dies with this one, even after kill -9.

    Elsewhere the next `up` clears away what a killed one left behind (`orphans`).
    """
    account = command.account
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command.argv,
            env=dict(command.env),
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=account.extra_groups if account else None,
            preexec_fn=_tether(command.death_signal),  # runs after the change of user, which would clear it
        )
    if command.niceness:
        _step_back(process.pid, command.niceness)
    return process


def _step_back(pid: int, niceness: int) -> None:
    """The process has it as its niceness, and so has its session where Linux weighs sessions against each other.

    Source: sched(7), "The autogroup feature". Where it isn't allowed, the process runs as all others do.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness), encoding="ascii")


def _tether(death_signal: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def tether() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)

    return tether


def send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """The process has got the signal, or is gone already."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.send_signal(number)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """The process and all children in its session have got SIGKILL."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def stop(process: subprocess.Popen[bytes], number: signal.Signals, grace_s: float = 5.0) -> int:
    """The process is gone: asked with `number`, and killed after `grace_s`. Blocks; returns the exit code."""
    send(process, number)
    deadline = time.monotonic() + grace_s
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, deadline - time.monotonic()))
    kill_group(process)
    return process.wait()


def describe_end(code: int) -> str:
    """How a process ended, for a person: `exit code 1` or `killed by SIGKILL`."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
