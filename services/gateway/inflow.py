"""What comes in on one socket, taken in piece by piece: a peer that sends without end must not starve the others.

A piece that took long (thousands of tiny frames) is followed by a rest in proportion to it. While there is a rest, or
while the owner holds it, nothing is read: what the peer goes on sending waits on its side.
"""

import asyncio
import time
from collections.abc import Callable

PIECE_BYTES = 16_384
SMALL_BYTES = 400  # hold too few frames to take `QUICK_S`, and are most of what comes: their time is not looked at
QUICK_S = 0.001  # what is taken in faster than this costs nobody anything
REST = 4.0  # times the processor time taken: so one socket gets a fifth of the loop at most
MOST_REST_S = 0.25  # a peer that waits longer for its pong to be read may lose its connection


class Inflow:
    """Between a transport and `take`, which is called with each piece."""

    __slots__ = ("_held", "_is_reading", "_rest", "_take", "_transport", "_unread")

    def __init__(self, transport: asyncio.Transport, take: Callable[[bytes], None]) -> None:
        self._transport = transport
        self._take = take
        self._unread = b""
        self._held = False
        self._is_reading = True
        self._rest: asyncio.Handle | None = None

    def came(self, data: bytes) -> None:
        """The transport has read `data`."""
        self._unread += data
        if self._rest is None and not self._held:
            self._next()

    def hold(self) -> None:
        """Nothing more is taken in until `go_on`."""
        self._held = True
        self._read_or_not()

    def go_on(self) -> None:
        """Takes in what was held, soon."""
        if self._held:
            self._held = False
            if self._rest is None and self._unread:
                self._rest = asyncio.get_running_loop().call_soon(self._next)
            self._read_or_not()

    def stop(self) -> None:
        """What has not been taken in is not wanted any more."""
        self._unread = b""
        if self._rest is not None:
            self._rest.cancel()

    def _next(self) -> None:
        self._rest = None
        if self._held:
            return
        piece, self._unread = self._unread[:PIECE_BYTES], self._unread[PIECE_BYTES:]
        is_small = len(piece) <= SMALL_BYTES
        began_at = 0.0 if is_small else time.thread_time()
        try:
            self._take(piece)
        except BaseException:  # what came can't be understood from here on
            self._transport.abort()
            raise
        spent_s = 0.0 if is_small else time.thread_time() - began_at
        if spent_s > QUICK_S:
            self._rest = asyncio.get_running_loop().call_later(min(spent_s * REST, MOST_REST_S), self._next)
        elif self._unread and not self._held:
            self._rest = asyncio.get_running_loop().call_soon(self._next)
        self._read_or_not()

    def _read_or_not(self) -> None:
        wanted = not self._held and self._rest is None
        if wanted is self._is_reading or self._transport.is_closing():
            return
        self._is_reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()
