"""One process of the system, described: what `keeper` keeps alive."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.ops.process import Command


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Part:
    """A named process with a port, and how to see that it is ready.

    `before_start` runs before each start, restarts included; `package` is the import package it runs, if it is ours.
    """

    name: str
    port: int
    command: Command
    is_ready: Callable[[], Awaitable[bool]]
    before_start: Callable[[], None] = _nothing
    stop_s: float = 3.0
    package: str = ""
