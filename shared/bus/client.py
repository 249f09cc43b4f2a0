"""nats-py's client with a short way in and a short way out, for what every message passes through.

In: `listen` gives a subscription whose messages are handed over as they are parsed: headers as bytes, no queue, no
task, no object for each. Out: `put` writes a publish without a coroutine, `call` a request whose reply is a future.
The rest, reconnecting and subscribing again above all, is nats-py's. Some of its private names are used: see the test.
"""

import asyncio
from collections.abc import Mapping

import nats.errors
from nats.aio.client import Client
from nats.aio.subscription import Subscription

from shared.bus.parser import Cutter, Handler
from shared.bus.wire import Wire
from shared.logging import get_logger

log = get_logger("bus")

Reply = asyncio.Future[tuple[bytes, bytes]]
NO_RESPONDERS = b"NATS/1.0 503"
LATE_S = 0.1


class QuickClient(Client):
    """A client of one process. Handlers return at once; what they raise is logged and ends nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._handlers: dict[int, Handler] = {}
        self._wire = Wire(lambda: Cutter(self._handlers, self._hand))
        self._transport = self._wire
        self._is_flushing = False
        self._calls: dict[bytes, tuple[Reply, float, bytes]] = {}  # until when it is waited for, and what was sent
        self._is_watching = False
        self._call_count = 0
        self._call_prefix = ""

    async def listen(self, subject: str, handler: Handler, queue: str = "") -> Subscription:
        """Every message of `subject` goes to the handler, in order, until the subscription ends; with a `queue`, to one

        of those who name the same. Nothing is dropped here: who is slow is not read from, and the server closes its
        connection in the end.
        """
        self._sid += 1
        subscription = Subscription(self, self._sid, subject, queue)
        self._subs[self._sid] = subscription
        self._handlers[self._sid] = handler
        await self._send_subscribe(subscription)
        return subscription

    def put(self, subject: str, body: bytes, reply: str = "", headers: Mapping[str, str] | None = None) -> bytes:
        """Publishes: the message is on its way in the order of the calls, or waits for the server. Gives what is sent.

        Raises:
            nats.errors.Error: the connection was closed, the message is too large, or too much is waiting.
        """
        if self.is_closed:
            raise nats.errors.ConnectionClosedError
        if len(body) > self._max_payload:
            raise nats.errors.MaxPayloadError
        if len(body) + self._pending_data_size > self._max_pending_size:
            raise nats.errors.OutboundBufferLimitError
        head = header_block(headers) if headers else b""
        sizes = f"{len(head)} {len(head) + len(body)}" if head else f"{len(body)}"
        line = f"{'HPUB' if head else 'PUB'} {subject} {reply} {sizes}\r\n".encode()
        command = b"".join((line, head, body, b"\r\n"))
        self._pending.append(command)
        self._pending_data_size += len(command)
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += len(body)
        if not self._is_flushing:
            self._is_flushing = True
            asyncio.get_running_loop().call_soon(self._flush_now)
        return command

    def _flush_now(self) -> None:
        self._is_flushing = False
        if not self.is_connected or self._wire.has_ended:
            return  # what waits is written after the reconnect
        if self._wire.is_writable:
            pending, self._pending = self._pending, []
            self._pending_data_size = 0
            self._wire.writelines(pending)
        elif self._flush_queue is not None and self._flush_queue.empty():
            self._flush_queue.put_nowait(asyncio.get_running_loop().create_future())

    def call(self, subject: str, body: bytes, timeout_s: float, headers: Mapping[str, str] | None = None) -> Reply:
        """Publishes, and what comes is the reply: its headers and its body.

        The future raises TimeoutError after `timeout_s`, or up to LATE_S later: one timer looks after all of them.
        `start_calls` must have been awaited.

        Raises:
            nats.errors.Error: as `put`.
        """
        self._call_count += 1
        token = b"%d" % self._call_count
        command = self.put(subject, body, f"{self._call_prefix}{self._call_count}", headers)
        loop = asyncio.get_running_loop()
        done: Reply = loop.create_future()
        self._calls[token] = done, loop.time() + timeout_s, command
        if not self._is_watching:
            self._is_watching = True
            loop.call_later(LATE_S, self._end_the_late)
        return done

    async def start_calls(self) -> None:
        """Afterwards `call` may be used, also after reconnects."""
        inbox = self.new_inbox()
        self._call_prefix = f"{inbox}."
        await self.listen(f"{inbox}.*", self._on_reply)

    def _on_reply(self, subject: bytes, _reply: bytes, headers: bytes, body: bytes) -> None:
        called = self._calls.pop(subject[len(self._call_prefix) :], None)
        if called is not None and not called[0].done():
            called[0].set_result((headers, body))

    def _end_the_late(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = [self._calls.pop(token) for token, (_, until, _) in [*self._calls.items()] if until <= now]
        self._take_back([command for _, _, command in late])
        for done, _, _ in late:
            if not done.done():
                done.set_exception(TimeoutError())
        self._is_watching = bool(self._calls)
        if self._is_watching:
            loop.call_later(LATE_S, self._end_the_late)

    def _take_back(self, commands: list[bytes]) -> None:
        """What nobody waits for any more is not sent after a reconnect: who was refused may have sent it elsewhere."""
        if commands and self._pending:
            given_up = {id(command) for command in commands}
            self._pending = [each for each in self._pending if id(each) not in given_up]
            self._pending_data_size = sum(map(len, self._pending))

    def _hand(self, handler: Handler, subject: bytes, reply: bytes, headers: bytes, body: bytes) -> None:
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(body)
        try:
            handler(subject, reply, headers, body)
        except Exception:
            log.exception("handler_failed", subject=subject.decode(errors="replace"))

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        self._handlers.pop(sid, None)
        super()._remove_sub(sid, max_msgs)
        if self.is_reconnecting:  # nats-py says nothing then, and its SUB may be waiting to be sent
            command = b"UNSUB %d\r\n" % sid
            self._pending.append(command)
            self._pending_data_size += len(command)


def header_block(headers: Mapping[str, str]) -> bytes:
    """Headers as they travel. A line break inside a value becomes a space."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    whole = "".join(lines)
    if "\n" in whole or "\r" in whole:
        lines = [line.replace("\r", " ").replace("\n", " ") for line in lines]
    return "\r\n".join(("NATS/1.0", *lines, "", "")).encode()


def header(headers: bytes, name: bytes) -> bytes:
    """The value of one header as it travelled; empty if there is none."""
    start = headers.find(b"\r\n%b: " % name)
    if start < 0:
        return b""
    start += len(name) + 4
    return headers[start : headers.find(b"\r\n", start)]


def parsed(headers: bytes) -> dict[str, str]:
    """All headers of a block as it travels."""
    lines = headers.decode(errors="replace").split("\r\n")[1:]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines if ":" in line)}
