"""A WebSocket as cheap as Python has it, so that what is measured is the server: frames are cut, nothing is parsed."""

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

TEXT, PING, PONG = 0x81, 0x89, 0x8A
_REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Socket(asyncio.Protocol):
    """One connection. `on_text` gets the payload of every text frame, in order."""

    def __init__(self, request: bytes) -> None:
        self.on_text: Callable[[bytes], None] = lambda _: None
        self.closed = False
        self.open = asyncio.get_running_loop().create_future()
        self._request = request
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        if not self.open.done():
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.open.set_result(None)
        at, end = 0, len(data)
        while end - at >= 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                if end - at < 4:
                    break
                size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            elif size == 127:
                if end - at < 10:
                    break
                size, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
            if end - start < size:
                break
            if data[at] == TEXT:
                self.on_text(data[start : start + size])
            elif data[at] == PING:
                self._transport.write(bytes((PONG, 128 | size)) + b"\0\0\0\0" + data[start : start + size])
            at = start + size
        self._buffer = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True

    def send(self, text: bytes) -> None:
        """Sends a text frame; its mask is zero, so the payload is what it was (RFC 6455, 5.3)."""
        size = len(text)
        head = struct.pack("!BB", TEXT, 128 | size) if size < 126 else struct.pack("!BBH", TEXT, 254, size)
        self._transport.write(head + b"\0\0\0\0" + text)

    def close(self) -> None:
        self._transport.abort()


async def connect(url: str) -> Socket:
    """An open WebSocket to `url` (http://host:port/path)."""
    parts = urlsplit(url)
    key = base64.b64encode(os.urandom(16)).decode()
    request = _REQUEST.format(path=parts.path or "/", host=parts.netloc, key=key).encode()
    _, socket = await asyncio.get_running_loop().create_connection(lambda: Socket(request), parts.hostname, parts.port)
    await socket.open
    return socket
