"""A connection to a server that can be cut and made again, while the server goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """What comes in goes to the server's port, and back."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._is_open = True
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """All connections are lost, with what was on its way; no new one is made."""
        self._is_open = False
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def back(self) -> None:
        """New connections are made again."""
        self._is_open = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if not self._is_open:
            writer.transport.abort()
            return
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, up_writer}
        for one in (asyncio.create_task(_pump(reader, up_writer)), asyncio.create_task(_pump(up_reader, writer))):
            self._pumps.add(one)
            one.add_done_callback(self._pumps.discard)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def proxied(nats_url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before this NATS server, and the address it has there."""
    proxy = Proxy(int(nats_url.rsplit(":", 1)[1]))
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
        try:
            yield proxy, f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            proxy.cut()
