"""What `antiphon up` says: steps on their way, problems with their last words, and the line that says `ready`."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.console import Console


class Terminal:
    """Lines for a person. Everything is written at once, also into a pipe; that nobody reads it ends nothing."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._quiet = quiet

    def step(self, text: str) -> None:
        """Something was achieved."""
        if not self._quiet:
            with _going_on():
                self._console.print("  [green]✓[/] " if self._console.is_terminal else "  ", end="")
                self._console.print(text, markup=False)

    def problem(self, text: str, detail: str = "") -> None:
        """Something went wrong and is being dealt with; `detail` is what the process said last."""
        with _going_on():
            self._console.print(text, style="yellow", markup=False)
            for line in detail.splitlines():
                self._console.print(f"    {line}", style="dim", markup=False)

    def ready(self, addresses: list[str]) -> None:
        """The line that tools wait for."""
        with _going_on():
            print("ready", *addresses, flush=True)  # exactly this, without colours or wrapping


@contextmanager
def _going_on() -> Iterator[None]:
    """A terminal that is gone is no reason to stop, and none to leave a process dead. Rich exits at a broken pipe."""
    with suppress(OSError, SystemExit):
        yield


@contextmanager
def own_foreground(under_make: bool) -> Iterator[None]:
    """Under `make` in a terminal, Ctrl-C reaches this process alone: make would call a clean stop an interrupt.

    Elsewhere nothing changes.
    """
    if not (under_make and sys.stdin.isatty()):
        yield
        return
    terminal, callers = sys.stdin.fileno(), os.getpgrp()
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        os.setpgid(0, 0)
        os.tcsetpgrp(terminal, os.getpgrp())
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    except OSError:  # not a session's terminal: leave things as they are
        yield
        return
    try:
        yield
    finally:
        os.tcsetpgrp(terminal, callers)
        signal.signal(signal.SIGTTOU, before)
