"""A person at a screen, for the demo: one plain WebSocket that speaks the Centrifuge JSON protocol, and what it shows.

The official SDKs do all this and more; here it is in the open, a page long. Source: `docs/protocol.md`.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from services.ops import errors
from shared import ids

ANSWER_S = 5.0
GIVE_UP_S = 15.0
PAUSE_S = 0.1


class Participant:
    """One user in one session. What is public is what the screen shows, and the position up to which it shows it."""

    def __init__(self, name: str, token: str, urls: list[str], changed: Callable[[], None]) -> None:
        self.name = name
        self.gateway = ""
        self.away_ms: float | None = None  # how long the last broken connection was missed
        self.offset = 0
        self.events: dict[int, dict[str, Any]] = {}  # by position, as they came
        self.repeats = 0
        self.texts: dict[str, str] = {}  # of replies: as they grew on this screen, never taken from their end
        self._attempts: dict[str, int] = {}
        self._token, self._urls, self._changed = token, urls, changed
        self._lost_at: float | None = None
        self._channel = self._epoch = ""
        self._socket: ClientConnection | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def stay(self) -> None:
        """Connected for as long as this runs; after a break, to the next gateway of the list."""
        for url in itertools.cycle(self._urls):
            with suppress(OSError, ConnectionClosed, TimeoutError):
                async with connect(f"{url.replace('http', 'ws', 1)}/connection/websocket", compression=None) as socket:
                    await self._enter(socket)
                    await self._listen(socket)
            if self._socket is not None:
                self._lost_at = time.monotonic()
            self._socket, self.gateway = None, ""
            for waiter in self._waiting.values():
                if not waiter.done():  # one may have given up
                    waiter.set_exception(ConnectionResetError())
            self._waiting.clear()
            self._changed()
            await asyncio.sleep(PAUSE_S if self._lost_at is None else 0)

    async def open(self, session_id: str) -> None:
        """The session is on the screen, and stays there over every reconnect."""
        self._channel = f"session:{session_id}"
        if self._socket is not None:
            await self._answered(self._socket, subscribe={"channel": self._channel})

    async def call(self, method: str, **data: Any) -> dict[str, Any]:
        """The answer to a command, sent again with the same id until there is one.

        Raises:
            DemoFailed: the gateway refused it, or nobody answered for 15 s.
        """
        command = {"rpc": {"method": method, "data": {"id": ids.uuid7(), **data}}}
        ends_at = time.monotonic() + GIVE_UP_S
        while time.monotonic() < ends_at:
            if self._socket is not None:
                with suppress(OSError, ConnectionClosed, TimeoutError):
                    reply = await self._answered(self._socket, **command)
                    if "rpc" in reply:
                        answer: dict[str, Any] = reply["rpc"]["data"]
                        return answer
                    if not reply["error"].get("temporary"):
                        raise errors.DemoFailed(reason=f"{method}: {reply['error']['message']}")
            await asyncio.sleep(PAUSE_S)
        raise errors.DemoFailed(reason=f"{method}: no answer in {GIVE_UP_S:.0f} s")

    async def _enter(self, socket: ClientConnection) -> None:
        """Connect and subscribe in one frame, from where the screen is: what was missed comes with the answer."""
        subscribe: dict[str, Any] = {"channel": self._channel}
        if self._epoch:
            subscribe |= {"recover": True, "epoch": self._epoch, "offset": self.offset}
        commands: list[dict[str, Any]] = [{"id": next(self._numbers), "connect": {"token": self._token}}]
        if self._channel:
            commands.append({"id": next(self._numbers), "subscribe": subscribe})
        await socket.send(b"\n".join(orjson.dumps(command) for command in commands), text=True)

    async def _listen(self, socket: ClientConnection) -> None:
        while True:
            for line in (await socket.recv(decode=False)).split(b"\n"):
                await self._take(socket, orjson.loads(line))
            self._changed()

    async def _take(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        match message:
            case {"connect": {"node": node}}:
                self._socket, self.gateway = socket, node
            case {"subscribe": {"offset": offset, "epoch": epoch} as answer}:
                self.offset, self._epoch = offset, epoch
                for publication in answer.get("publications", ()):
                    self._publication(publication)
                if self._lost_at is not None:
                    self.away_ms = (time.monotonic() - self._lost_at) * 1000
                for running in answer.get("data", {}).get("running", ()):
                    self._chunk({**running, "position": 0})
            case {"push": {"channel": self._channel, "pub": publication}}:
                self._publication(publication)
        if not message:
            await socket.send("{}")
        elif (waiter := self._waiting.pop(message.get("id", 0), None)) and not waiter.done():
            waiter.set_result(message)

    def _publication(self, publication: dict[str, Any]) -> None:
        data = publication["data"]
        if "offset" in publication:
            self.repeats += publication["offset"] <= self.offset
            self.offset = publication["offset"]
            self.events[self.offset] = data
        elif data["type"] == "reply.delta":
            self._chunk(data)

    def _chunk(self, chunk: dict[str, Any]) -> None:
        """Adds what is new in a chunk: known text changes nothing, a higher attempt starts again."""
        reply_id, attempt, position = chunk["reply_id"], chunk["attempt"], chunk["position"]
        if attempt < self._attempts.get(reply_id, 0):
            return
        text = self.texts.get(reply_id, "") if attempt == self._attempts.get(reply_id) else ""
        if position <= len(text) < position + len(chunk["text"]):
            self._attempts[reply_id] = attempt
            self.texts[reply_id] = text[:position] + chunk["text"]

    def _answered(self, socket: ClientConnection, **command: Any) -> Awaitable[dict[str, Any]]:
        number = next(self._numbers)
        waiter = self._waiting[number] = asyncio.get_running_loop().create_future()

        async def answered() -> dict[str, Any]:
            await socket.send(orjson.dumps({"id": number, **command}), text=True)
            answer: dict[str, Any] = await asyncio.wait_for(waiter, ANSWER_S)
            return answer

        return answered()
