"""Connections that say nothing, half a request, or a head without end: they are bounded before anybody works for them.

uvicorn waits for a request as long as it takes and holds a head of any size. Here a request must come whole, within
`request_s` of the connection's (or, if it is kept alive, of the request's) first moment; an upgraded socket is bounded
by its own timer from there on.

Source: RFC 9110, 15.5.9 (408); RFC 6585, 5 (431).
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 65_536

_LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class HttpConnection(HttpToolsProtocol):
    """uvicorn's, for peers with bad manners. `request_s` 0 lifts the limit."""

    def __init__(self, request_s: float, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request_s = request_s
        self._late: asyncio.TimerHandle | None = None
        self._head_bytes: int | None = 0  # of the head that is coming; None while none is

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request has to come."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """More of a request."""
        if self.cycle is None or self.cycle.response_complete:
            self._expect()
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes is not None and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head_bytes = self._head_bytes or 0
        self._expect()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is here."""
        self._in_time()
        self._head_bytes = 0
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """From here on the socket looks after itself."""
        self._in_time()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        self._in_time()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._late is None and self._request_s:
            self._late = self.loop.call_later(self._request_s, self._refuse, _LATE)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, answer: bytes) -> None:
        """Closes, with the answer if none has begun."""
        self._in_time()
        self._head_bytes = None
        if not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(answer)
            self.transport.close()
