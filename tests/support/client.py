"""A client of the Centrifuge JSON protocol for tests: every frame as it came, nothing smoothed over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from shared import ids

TIMEOUT_S = 20.0  # a gateway takes up to ten seconds to say that the bus is away


class ReplyError(Exception):
    """The server answered a command with an error."""

    def __init__(self, code: int, message: str, temporary: bool) -> None:
        self.code = code
        self.temporary = temporary
        super().__init__(f"{code} {message}")


class Client:
    """One connection. `pushes` gets every push in the order it came; pings are answered."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.pushes: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.hello: dict[str, Any] = {}
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._count = 0

    async def read(self) -> None:
        """Reads until the connection ends; whoever waits for a reply then gets the reason."""
        try:
            async for frame in self.socket:
                for line in frame.split("\n"):  # `splitlines` also splits where people write U+0085 or U+2028
                    await self._take(orjson.loads(line))
        except ConnectionClosed:
            pass
        closed = ConnectionError(f"closed with {self.socket.close_code} {self.socket.close_reason}")
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(closed)

    async def _take(self, message: dict[str, Any]) -> None:
        if not message:
            await self.socket.send("{}")
        elif "push" in message:
            self.pushes.put_nowait(message["push"])
        elif (waiting := self._waiting.pop(message["id"], None)) and not waiting.done():
            waiting.set_result(message)

    def start(self, command: str, /, **params: Any) -> tuple[bytes, asyncio.Future[dict[str, Any]]]:
        """The frame of a command, not sent yet, and the future of its reply."""
        self._count += 1
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[self._count] = waiting
        return orjson.dumps({"id": self._count, command: params}), waiting

    async def call(self, command: str, /, **params: Any) -> dict[str, Any]:
        """The result of one command.

        Raises:
            ReplyError: the server refused.
            ConnectionError: the connection ended before the answer.
        """
        frame, waiting = self.start(command, **params)
        await self.socket.send(frame, text=True)
        reply = await asyncio.wait_for(waiting, TIMEOUT_S)
        if "error" in reply:
            error = reply["error"]
            raise ReplyError(error["code"], error.get("message", ""), error.get("temporary", False))
        result: dict[str, Any] = reply.get(command, {})
        return result

    async def rpc(self, method: str, /, **data: Any) -> Any:
        """The data of a remote call. A missing `id` of a writing call is the caller's mistake, not made up here."""
        return (await self.call("rpc", method=method, data=data))["data"]

    async def send_message(self, session_id: str, content: str, **data: Any) -> Any:
        """Posts a message under a new id."""
        return await self.rpc("message.send", id=ids.uuid7(), session_id=session_id, content=content, **data)

    async def publication(self) -> dict[str, Any]:
        """The next publication, durable or not, as `{"channel", "offset"?, "data", ...}`."""
        while True:
            push = await asyncio.wait_for(self.pushes.get(), TIMEOUT_S)
            if "pub" in push:
                return {"channel": push["channel"], **push["pub"]}

    async def event(self) -> dict[str, Any]:
        """The next durable publication."""
        while True:
            publication = await self.publication()
            if "offset" in publication:
                return publication


@asynccontextmanager
async def connected(address: str, token: str, **options: Any) -> AsyncIterator[Client]:
    """A connected client of the gateway at `address` (http://...)."""
    url = f"{address.replace('http', 'ws', 1)}/connection/websocket"
    async with connect(url, compression=None, max_size=None, open_timeout=TIMEOUT_S, **options) as socket:
        client = Client(socket)
        reading = asyncio.create_task(client.read())
        try:
            client.hello = await client.call("connect", token=token)
            yield client
        finally:
            reading.cancel()
