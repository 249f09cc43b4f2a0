"""Is the client still there, and is its token still good? One timer a connection."""

import asyncio
import random
from collections.abc import Callable

from services.gateway import closing, protocol
from services.gateway.socket import Socket


class Heartbeat:
    """Pings at a steady pace, however busy the connection is: some SDKs rely on pings alone.

    `check` is called before each ping and may close the socket.
    """

    __slots__ = ("_awaiting", "_check", "_ping_s", "_pong_s", "_socket", "_timer")

    def __init__(self, socket: Socket, ping_s: float, pong_s: float, check: Callable[[], None]) -> None:
        self._socket = socket
        self._ping_s = ping_s
        self._pong_s = min(pong_s, ping_s)
        self._check = check
        self._awaiting = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """The first ping comes after half to a whole interval, so that many clients are not pinged at once."""
        self._later(self._ping_s * random.uniform(0.5, 1), self._ping)

    def stop(self) -> None:
        """No more pings."""
        if self._timer:
            self._timer.cancel()

    def pong(self) -> None:
        """The client answered. A pong that nobody asked for closes the socket."""
        if not self._awaiting:
            self._socket.close(closing.BAD_REQUEST)
        self._awaiting = False

    def _ping(self) -> None:
        self._check()
        if self._socket.open:
            self._awaiting = True
            self._socket.push(protocol.PING)
            self._later(self._pong_s, self._expect)

    def _expect(self) -> None:
        if self._awaiting:
            self._socket.close(closing.NO_PONG)
        else:
            self._later(self._ping_s - self._pong_s, self._ping)

    def _later(self, delay_s: float, what: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, what)
