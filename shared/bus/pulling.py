"""A pull consumer that is kept: made, made again when it is gone, asked again when an answer does not come."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import nats.errors
import orjson
from nats.aio.subscription import Subscription
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError

from shared.bus.connection import Bus
from shared.logging import get_logger

log = get_logger("consume")

EXPIRES_S = 5
HEARTBEAT_S = 1
SILENCE_S = 3.0  # no message and no heartbeat for this long: the pull is dead
REVIVE_PAUSE_S = 0.1  # JetStream comes up a moment after its server, and sends no notice of it

ConfigSource = Callable[[], Awaitable[ConsumerConfig]]
Ensure = Callable[[], Awaitable[None]]


class Pull:
    """What the ways of pulling share: one inbox, one consumer, and how it is noticed that either is dead.

    Whoever keeps the position elsewhere gives a function instead of a configuration: it is called each time the
    consumer is made, and says where to start. What it raises (besides NATS's own errors) ends the wait.

    `ensure` is for a stream that anybody may make: it is awaited before the consumer is made again, since the stream
    may have been lost with it. Any other stream is waited for.
    """

    def __init__(
        self, bus: Bus, stream: str, config: ConsumerConfig | ConfigSource, ensure: Ensure | None = None
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._config = config
        self._ensure = ensure
        self._outstanding = 0
        self._wake = asyncio.Event()
        self._name = ""
        self._inbox = ""
        self._reply_to = ""
        self._asked = 0
        self._subscription: Subscription | None = None
        self._last_sign = 0.0
        self._broken = False

    async def start(self) -> None:
        """Afterwards the consumer exists, and can be asked.

        Raises:
            nats.js.errors.NotFoundError: there is no such stream.
        """
        self._inbox = self._bus.client.new_inbox()
        self._subscription = await self._listen(self._inbox)
        self._bus.on_reconnect.append(self._on_reconnect)
        await self._make()

    async def stop(self) -> None:
        """Afterwards nothing arrives any more. The consumer is left as it is."""
        with suppress(ValueError):
            self._bus.on_reconnect.remove(self._on_reconnect)
        if self._subscription is not None:
            with suppress(nats.errors.Error, OSError):
                await self._subscription.unsubscribe()

    async def _listen(self, inbox: str) -> Subscription:
        raise NotImplementedError

    async def _ask(self) -> None:
        raise NotImplementedError

    def _signed(self) -> None:
        self._last_sign = asyncio.get_running_loop().time()

    def _request(self, count: int, **more: bool) -> None:
        request = {"batch": count, "expires": EXPIRES_S * 10**9, "idle_heartbeat": HEARTBEAT_S * 10**9, **more}
        self._outstanding += count
        self._signed()
        self._asked += 1
        self._reply_to = f"{self._inbox}.{self._asked}"
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}"
        self._bus.client.put(subject, orjson.dumps(request), self._reply_to)

    async def _sign(self) -> None:
        """Asks, and waits for whatever comes; afterwards what is dead is known to be."""
        if self._broken:
            await self._revive()
        self._wake.clear()
        await self._ask()
        with suppress(TimeoutError):
            async with asyncio.timeout(SILENCE_S):
                await self._wake.wait()
        if self._outstanding and asyncio.get_running_loop().time() - self._last_sign >= SILENCE_S:
            self._broken = True  # not even a heartbeat

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

    async def _revive(self) -> None:
        while True:
            await self._bus.connected.wait()
            await asyncio.sleep(REVIVE_PAUSE_S)
            try:
                if self._ensure is not None:
                    await self._ensure()
                return await self._make()
            except (APIError, nats.errors.Error) as error:
                log.warning("consumer_not_made", stream=self._stream, error=repr(error))
