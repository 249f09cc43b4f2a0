"""The pull loop that every durable consumer runs, and the one place where an exception becomes ack, nak or term.

Requests are pipelined: while one batch is worked on, the next is on its way. Broken pulls (expired, a consumer or a
server that died) are asked again, and a consumer that is gone is made again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import nats.errors
import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError

from shared import errors, subjects
from shared.bus.connection import Bus
from shared.logging import get_logger

log = get_logger("consume")

EXPIRES_S = 5
HEARTBEAT_S = 1
SILENCE_S = 3.0  # no message and no heartbeat for this long: the pull is dead
REVIVE_PAUSE_S = 0.1  # JetStream comes up a moment after its server, and sends no notice of it
NAK_DELAY_S = (0.2, 1.0, 2.0, 4.0)


ConfigSource = Callable[[], Awaitable[ConsumerConfig]]


class Puller:
    """Messages of one consumer, at most `window` asked for at a time and so at most `window` in memory.

    With `holds`, a message that was taken counts against the window until `release`: a worker whose messages take
    long is never sent more than it can begin at once.

    Whoever keeps the position elsewhere gives a function instead of a configuration: it is called each time the
    consumer is made, and says where to start. What it raises (besides NATS's own errors) ends `batch`.
    """

    def __init__(
        self,
        bus: Bus,
        stream: str,
        config: ConsumerConfig | ConfigSource,
        window: int = 500,
        *,
        holds: bool = False,
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._config = config
        self._window = window
        self._holds = holds
        self._held = 0
        self._outstanding = 0
        self._arrived: list[Msg] = []
        self._wake = asyncio.Event()
        self._name = ""
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._last_sign = 0.0
        self._broken = False

    async def start(self) -> None:
        """Afterwards the consumer exists and messages are on their way.

        Raises:
            nats.js.errors.NotFoundError: there is no such stream.
        """
        self._inbox = self._bus.client.new_inbox()
        self._subscription = await self._bus.client.subscribe(self._inbox, cb=self._on_message)
        self._bus.on_reconnect.append(self._on_reconnect)
        await self._make()

    async def stop(self) -> None:
        """Afterwards nothing arrives any more. The consumer is left as it is."""
        with suppress(ValueError):
            self._bus.on_reconnect.remove(self._on_reconnect)
        if self._subscription is not None:
            with suppress(nats.errors.Error, OSError):
                await self._subscription.unsubscribe()

    async def _on_reconnect(self) -> None:
        self._broken = True  # whatever was asked of the server before is forgotten there
        self._wake.set()

    async def _make(self) -> None:
        config = self._config if isinstance(self._config, ConsumerConfig) else await self._config()
        info = await self._bus.js.add_consumer(self._stream, replace(config))
        self._name = info.name
        self._outstanding = 0
        self._broken = False
        await self._ask()

    async def _on_message(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        self._last_sign = asyncio.get_running_loop().time()
        if status is None:
            self._outstanding -= 1
            self._arrived.append(message)
        elif status == "100":  # heartbeat
            return
        elif status == "408":  # this pull has expired with so many messages undelivered
            self._outstanding = max(0, self._outstanding - int(headers.get("Nats-Pending-Messages", "0")))
        else:  # 404, 409, 503: there is no such consumer any more, or it changes its leader
            self._broken = True
        self._wake.set()

    async def _ask(self) -> None:
        want = self._window - self._outstanding - len(self._arrived) - self._held
        if want < (1 if self._held else max(1, self._window // 2)):
            return
        request = {"batch": want, "expires": EXPIRES_S * 10**9, "idle_heartbeat": HEARTBEAT_S * 10**9}
        self._outstanding += want
        self._last_sign = asyncio.get_running_loop().time()
        await self._bus.client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}", orjson.dumps(request), reply=self._inbox
        )

    async def batch(self, limit: int) -> list[Msg]:
        """The next messages in order, at least one, at most `limit`; waits as long as there are none."""
        while not self._arrived:
            if self._broken:
                await self._revive()
            self._wake.clear()
            await self._ask()
            with suppress(TimeoutError):
                async with asyncio.timeout(SILENCE_S):
                    await self._wake.wait()
            if self._outstanding and asyncio.get_running_loop().time() - self._last_sign >= SILENCE_S:
                self._broken = True  # not even a heartbeat
        taken, self._arrived = self._arrived[:limit], self._arrived[limit:]
        self._held += len(taken) if self._holds else 0
        await self._ask()
        return taken

    def release(self) -> None:
        """A held message is done with: there is room for another one."""
        self._held -= 1
        self._wake.set()

    async def _revive(self) -> None:
        while True:
            await self._bus.connected.wait()
            await asyncio.sleep(REVIVE_PAUSE_S)
            try:
                return await self._make()
            except (APIError, nats.errors.Error) as error:
                log.warning("consumer_not_made", stream=self._stream, error=repr(error))


async def settle(bus: Bus, origin: str, message: Msg, work: Callable[[Msg], Awaitable[None]]) -> None:
    """Do `work` for one message; whatever happens to it, the message is settled.

    Done: ack. `Refused`, or a body that is nonsense: parked with the reason, then term. Anything else: nak with a
    growing delay, for ever. If the process dies in between, the server delivers again.
    """
    try:
        await work(message)
    except (errors.Refused, ValueError) as error:
        await park(bus, origin, message, repr(error))
        await message.term()
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - this is the one place
        delivered = message.metadata.num_delivered
        delay_s = NAK_DELAY_S[min(delivered, len(NAK_DELAY_S)) - 1]
        log.warning("message_naked", subject=message.subject, delivered=delivered, delay_s=delay_s, error=repr(error))
        await message.nak(delay=delay_s)
    else:
        await message.ack()


async def park(bus: Bus, origin: str, message: Msg, reason: str) -> None:
    """Keep what can't be handled on PARKED, whole, with the reason. Publish it again to `Park-Subject` to retry."""
    log.error("message_parked", subject=message.subject, reason=reason)
    headers = {
        **(message.headers or {}),
        subjects.HEADER_PARK_REASON: reason.replace("\n", " ")[:500],
        "Park-Subject": message.subject,
        subjects.HEADER_MSG_ID: subjects.service_msg_id(origin, f"park/{message.metadata.sequence.stream}"),
    }
    await bus.js.publish(subjects.parked(origin, subjects.session_of(message.subject)), message.data, headers=headers)
