"""One client: its commands in order, each answered once.

serial   connect, subscribe, unsubscribe, refresh, most rpc methods: alone, in their place
write    message.send (also as publish), typing: begun in order, answered as their acknowledgements come
read     history, presence, reading rpc methods: after the writes before them, beside everything else
"""

import asyncio
import time
from collections import deque
from functools import partial
from typing import Any

from services.gateway import closing, protocol
from services.gateway.client import Client
from services.gateway.closing import Close
from services.gateway.composing import Outcome
from services.gateway.context import Gateway
from services.gateway.flight import Begun, Flight, all_ended
from services.gateway.limits import TokenBucket
from services.gateway.methods import METHODS, Order
from services.gateway.protocol import ClientCommand, Pong
from services.gateway.socket import Socket
from services.gateway.stats import counted
from shared import errors, telemetry
from shared.logging import get_logger

log = get_logger("connection")

MAX_QUEUED = 256  # commands; above, the socket is not read
REFUSE_S = 0.002  # a pause after each command over the rate: who sends thousands must not occupy the loop
BURST = 2  # seconds' worth of commands that may come at once

_ORDER = {
    "publish": Order.WRITE, "history": Order.READ, "presence": Order.READ, "presence_stats": Order.READ,
}  # fmt: skip


class Connection:
    """The receiver of one socket's messages."""

    __slots__ = (
        "_bucket", "_client", "_flight", "_gateway", "_queue", "_refused", "_socket", "_stale", "_worker",
    )  # fmt: skip

    def __init__(self, gateway: Gateway, socket: Socket) -> None:
        rate = gateway.settings.commands_per_s
        self._gateway = gateway
        self._socket = socket
        self._bucket = TokenBucket(rate, rate * BURST, time.monotonic())
        self._queue: deque[ClientCommand] | None = None  # made when something waits; most connections are idle
        self._worker: asyncio.Task[None] | None = None
        self._flight = Flight()
        self._client: Client | None = None
        self._refused = False
        self._stale = asyncio.get_running_loop().call_later(gateway.settings.connect_s, socket.close, closing.STALE)
        gateway.stats.connections += 1
        gateway.stats.connections_total += 1

    # What the socket calls.

    def received(self, text: bytes) -> None:
        """Takes in one message; what is no command ends the connection."""
        try:
            for item in protocol.decode(text):
                if isinstance(item, Pong):
                    self._pong()
                elif self._queue is not None or not self._begin(item):
                    self._queue = self._queue if self._queue is not None else deque()
                    self._queue.append(item)
        except protocol.ProtocolViolation:
            self._socket.close(closing.BAD_REQUEST)
            return
        if self._queue is None:
            return
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(self._queue))
        if len(self._queue) > MAX_QUEUED:
            self._socket.pause()

    def lost(self) -> None:
        """Lets go of everything. Writes that have begun are left to end: their outcome is in the log, not here."""
        self._gateway.stats.connections -= 1
        self._stale.cancel()
        if self._worker:
            self._worker.cancel()
        self._flight.cancel_reads()
        if self._client:
            self._client.close()

    def _pong(self) -> None:
        if self._client:
            self._client.heartbeat.pong()
        else:
            self._socket.close(closing.BAD_REQUEST)

    # Order.

    def _begin(self, command: ClientCommand) -> bool:
        """Whether it was a message that could be decided at once; then it needs no task. Nothing waits that it could
        overtake.
        """
        client, flight = self._client, self._flight
        if client is None or flight.has_tasks or flight.is_full or telemetry.is_recording():
            return False
        message = client.message_in(command)
        if message is None or not self._bucket.take(time.monotonic()):
            return False
        begun = flight.start()
        try:
            is_posted = client.post(message, partial(self._told, begun, command))
        except errors.AntiphonError as error:
            self._told(begun, command, error)
            return True
        except Exception as error:
            log.exception("command_failed", method=_label(command), error=repr(error))
            self._told(begun, command, errors.Internal())
            return True
        if not is_posted:
            flight.end(begun)
            self._bucket.give_back()
        return is_posted

    def _told(self, begun: Begun, command: ClientCommand, outcome: Outcome | errors.AntiphonError) -> None:
        self._flight.end(begun)
        if isinstance(outcome, errors.AntiphonError):
            self._fail(command, outcome)
        else:
            self._answer(command, Client.message_answer(command, outcome))
            counted(_label(command), "ok").inc()

    async def _work(self, queue: deque[ClientCommand]) -> None:
        try:
            while queue and self._socket.open:
                command = queue.popleft()
                if len(queue) == MAX_QUEUED // 2:
                    self._socket.resume()
                await self._next(command, queue)
        finally:
            self._worker = self._queue = None

    async def _next(self, command: ClientCommand, queue: deque[ClientCommand]) -> None:
        if not self._bucket.take(time.monotonic()):
            self._fail(command, errors.TooManyRequests())
            await asyncio.sleep(REFUSE_S)
            return
        if self._client is None:
            await self._first(command, queue)
            return
        order = _order(command)
        if order is Order.SERIAL:
            await all_ended(self._flight.writes())
            await self._socket.writable.wait()
            await self._run(self._client, command)
            return
        await self._flight.room(for_read=order is Order.READ)
        if order is Order.READ:
            self._flight.read(self._run_after(self._flight.writes(), self._client, command))
        else:
            self._flight.write(self._run(self._client, command))

    async def _first(self, command: ClientCommand, queue: deque[ClientCommand]) -> None:
        """The first command must be `connect`. After a refused one, what came along with it is passed over."""
        if command.method != "connect" or self._refused:
            self._socket.close(closing.BAD_REQUEST)
            return
        outcome = await Client.connect(self._gateway, self._socket, command.params)
        if isinstance(outcome, Close):
            self._socket.close(outcome)
        elif isinstance(outcome, errors.AntiphonError):
            self._refused = True
            queue.clear()
            self._fail(command, outcome)
        else:
            self._client = outcome
            self._stale.cancel()
            counted("connect", "ok").inc()
            self._socket.send(protocol.reply(command.id, "connect", outcome.welcome()))
            outcome.heartbeat.start()

    # Answers.

    async def _run_after(self, before: list[asyncio.Future[None]], client: Client, command: ClientCommand) -> None:
        await all_ended(before)
        await self._run(client, command)

    async def _run(self, client: Client, command: ClientCommand) -> None:
        label = _label(command)
        with telemetry.span(f"command {label}"):
            try:
                await client.execute(command, lambda result: self._answer(command, result))
            except errors.AntiphonError as error:
                self._fail(command, error)
            except Exception as error:
                log.exception("command_failed", method=label, error=repr(error))
                self._fail(command, errors.Internal())
            else:
                counted(label, "ok").inc()

    def _answer(self, command: ClientCommand, result: dict[str, Any]) -> None:
        if command.id:
            self._socket.send(protocol.reply(command.id, command.method, result))

    def _fail(self, command: ClientCommand, error: errors.AntiphonError) -> None:
        counted(_label(command), str(error.code)).inc()
        if command.id:
            self._socket.send(protocol.error_reply(command.id, error))


def _order(command: ClientCommand) -> Order:
    if command.method != "rpc":
        return _ORDER.get(command.method, Order.SERIAL)
    method = METHODS.get(str(command.params.get("method", "")))
    return method.order if method else Order.SERIAL


def _label(command: ClientCommand) -> str:
    """What the command is counted as."""
    if command.method != "rpc":
        return command.method or "unknown"
    name = str(command.params.get("method", ""))[:64]
    return name if name in METHODS else "unknown"
