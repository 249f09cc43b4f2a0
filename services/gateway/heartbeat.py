"""Is the client still there, and is its token still good?"""

import random
from typing import Protocol

from services.gateway import closing, protocol
from services.gateway.pulse import Pulse
from services.gateway.socket import Socket

_pulse = Pulse()


class Checked(Protocol):
    """Who is pinged."""

    def check(self) -> None:
        """Called before each ping; may close the socket."""


class Heartbeat:
    """Pings at a steady pace, however busy the connection is: some SDKs rely on pings alone."""

    __slots__ = ("_awaiting", "_client", "_moment", "_ping_s", "_pinged", "_pong_s", "_socket")

    def __init__(self, socket: Socket, ping_s: float, pong_s: float, client: Checked) -> None:
        self._socket = socket
        self._ping_s = ping_s
        self._pong_s = min(pong_s, ping_s)
        self._client = client
        self._awaiting = False
        self._pinged = False  # what is next: a ping, or the look whether the last one was answered
        self._moment = 0

    def start(self) -> None:
        """The first ping comes after half to a whole interval, so that many clients are not pinged at once."""
        self._moment = _pulse.after(self._ping_s * random.uniform(0.5, 1), self)

    def stop(self) -> None:
        """No more pings."""
        _pulse.forget(self._moment, self)

    def pong(self) -> None:
        """The client answered. A pong that nobody asked for closes the socket."""
        if not self._awaiting:
            self._socket.close(closing.BAD_REQUEST)
        self._awaiting = False

    def due(self) -> None:
        """The next step."""
        if self._pinged:
            self._expect()
        else:
            self._ping()

    def _ping(self) -> None:
        self._client.check()
        if self._socket.open:
            self._awaiting = self._pinged = True
            self._socket.send(protocol.PING)
            self._moment = _pulse.after(self._pong_s, self)

    def _expect(self) -> None:
        if self._awaiting:
            self._socket.close(closing.NO_PONG)
        else:
            self._pinged = False
            self._moment = _pulse.after(self._ping_s - self._pong_s, self)
