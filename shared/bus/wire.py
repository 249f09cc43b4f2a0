"""The connection to the server, as nats-py's transport. What has a handler is handed over where it is read, without a
stream in between and a task that is woken to read it; what is left is nats-py's to read.

Source: `nats.aio.transport.Transport`; asyncio, "Transports and Protocols".
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast
from urllib.parse import ParseResult

from nats.aio.transport import Transport
from nats.errors import ProtocolError

from shared.bus.parser import Cutter

PORT = 4222
CLOSE_S = 1.0  # how long a server that does not read may hold up the end of its connection


class Wire(Transport):
    """One connection after the other. `cutter` makes what each is read with, once its handshake is over."""

    def __init__(self, cutter: Callable[[], Cutter]) -> None:
        self._cutter = cutter
        self._link = _Link(cutter())

    def __bool__(self) -> bool:
        """There is no other transport to be chosen."""
        return True

    @property
    def is_writable(self) -> bool:
        """Whether the server keeps up with what is written."""
        return self._link.writable.is_set()

    @property
    def has_ended(self) -> bool:
        """Whether the connection was lost, is being closed, or was not made yet."""
        link = self._link
        return link.has_ended or link.transport is None or link.transport.is_closing()

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:  # noqa: ARG002
        """Connects. Of the connection before it nothing is heard any more, even if nobody closed it.

        Raises:
            OSError, TimeoutError: nobody answers.
        """
        self._link.abandon()
        link = _Link(self._cutter())
        made = asyncio.get_running_loop().create_connection(lambda: link, str(uri.hostname), uri.port or PORT)
        await asyncio.wait_for(made, connect_timeout)
        self._link = link

    async def connect_tls(
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,  # noqa: ARG002
        connect_timeout: int,
    ) -> None:
        """Goes on under TLS; `uri` names the host. What came before that could be anybody's, and is forgotten.

        Raises:
            OSError, TimeoutError: it can't.
        """
        link, host = self._link, uri if isinstance(uri, str) else uri.hostname
        if link.transport is None:
            raise ConnectionError("not connected")
        link.unread.clear()
        upgrade = asyncio.get_running_loop().start_tls(link.transport, link, ssl_context, server_hostname=host)
        link.transport = cast(asyncio.Transport, await asyncio.wait_for(upgrade, connect_timeout))

    def write(self, payload: bytes) -> None:
        """Writes one piece, as `writelines`."""
        self.writelines([payload])

    def writelines(self, payload: Sequence[bytes]) -> None:
        """Writes, or keeps it to be written.

        Raises:
            ConnectionResetError: the connection is lost; nothing was written.
        """
        if self._link.transport is None or self.has_ended:
            raise ConnectionResetError("the connection was lost")
        self._link.transport.writelines(payload)

    async def drain(self) -> None:
        """Returns when the server keeps up.

        Raises:
            ConnectionResetError: the connection is lost.
        """
        await self._link.writable.wait()
        if self._link.has_ended:
            raise ConnectionResetError("the connection was lost")

    async def read(self, buffer_size: int) -> bytes:  # noqa: ARG002
        """What has no handler; nothing at the end.

        Raises:
            OSError, ProtocolError: the connection was lost, or is none to a NATS server.
        """
        return await self._link.read()

    async def readline(self) -> bytes:
        """A line of the handshake; nothing, or half a one, at the end."""
        return await self._link.readline()

    def close(self) -> None:
        """Ends the connection."""
        if self._link.transport is not None:
            self._link.transport.close()

    async def wait_closed(self) -> None:
        """Returns once it has ended, which is soon."""
        link = self._link
        if link.transport is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await link.closed.wait()
        link.transport.abort()

    def at_eof(self) -> bool:
        """Whether nothing more can be read."""
        return self._link.has_ended and not self._link.unread


class _Link(asyncio.Protocol):
    """One connection: at first all is kept for `readline`, and from the first `read` on it is cut."""

    def __init__(self, cutter: Cutter) -> None:
        self.transport: asyncio.Transport | None = None
        self.unread = bytearray()
        self.has_ended = False
        self.writable = asyncio.Event()
        self.writable.set()
        self.closed = asyncio.Event()
        self._cutter: Cutter = cutter
        self._is_cut = False
        self._is_abandoned = False
        self._error: Exception | None = None
        self._more = asyncio.Event()

    async def read(self) -> bytes:
        if not self._is_cut:
            self._is_cut = True
            kept, self.unread = bytes(self.unread), bytearray()
            self._keep(kept)
        while not self.unread and not self.has_ended:
            await self._wait()
        if self._is_abandoned:
            raise asyncio.CancelledError  # ends nats-py's read loop, which would go on with the next connection
        if self._error is not None:
            raise self._error
        kept, self.unread = bytes(self.unread), bytearray()
        return kept

    async def readline(self) -> bytes:
        while b"\n" not in self.unread and not self.has_ended:
            await self._wait()
        size = self.unread.find(b"\n") + 1 or len(self.unread)
        line = bytes(self.unread[:size])
        del self.unread[:size]
        return line

    async def _wait(self) -> None:
        self._more.clear()
        await self._more.wait()

    def abandon(self) -> None:
        """Nothing that still comes is wanted."""
        self._is_abandoned = True
        self._end(None)
        if self.transport is not None:
            self.transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self.has_ended:
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        if self._is_cut:
            try:
                data = self._cutter.cut(data)
            except ProtocolError as error:
                self._end(error)
                return
        if data:
            self.unread += data
            self._more.set()

    def eof_received(self) -> None:
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)
        self.closed.set()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def _end(self, error: Exception | None) -> None:
        self.has_ended = True
        self._error = self._error or error
        self._more.set()
        self.writable.set()
