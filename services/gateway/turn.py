"""Writes of one turn of the event loop, put off to its end: a burst of pushes costs each socket one system call."""

import asyncio
from typing import Protocol

from shared.logging import get_logger

log = get_logger("socket")


class Pending(Protocol):
    """Something with frames to write."""

    def write_pending(self) -> None:
        """Writes them."""


class Turn:
    """Who has something to write in this turn."""

    def __init__(self) -> None:
        self._sockets: list[Pending] = []

    def add(self, socket: Pending) -> None:
        """It will be asked to write before the loop looks for input again. To be added once a turn."""
        if not self._sockets:
            asyncio.get_running_loop().call_soon(self._write)
        self._sockets.append(socket)

    def _write(self) -> None:
        sockets, self._sockets = self._sockets, []
        for socket in sockets:
            try:
                socket.write_pending()
            except Exception:  # one socket's fault must not reach the others
                log.exception("write_failed")
