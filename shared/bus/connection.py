"""One connection per process: it reconnects for ever, and says so when it does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import nats
import nats.errors
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext

from shared.bus.client import QuickClient
from shared.bus.publish import QuickStream
from shared.logging import get_logger

log = get_logger("bus")

PUBLISH_TIMEOUT_S = 5.0
PENDING_BYTES = 64 * 1024 * 1024  # what may wait in this process while the server is away
MAX_ASYNC_PUBLISHES = 100_000


@dataclass(slots=True)
class Bus:
    """A connected client, its JetStream context, and hooks for what must be looked at again after a reconnect.

    `on_reconnect`: awaited one after another each time the connection is back.
    `on_slow_consumer`: called with the subscription that lost messages in this process.
    """

    client: QuickClient
    js: JetStreamContext
    on_reconnect: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    on_slow_consumer: list[Callable[[Subscription], None]] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def stream(self) -> QuickStream:
        """Publishing with acknowledgement where every message counts; `js` is for all else."""
        return QuickStream(self.client)

    @property
    def is_connected(self) -> bool:
        """Whether the server answers, as far as this side knows."""
        return self.client.is_connected


@asynccontextmanager
async def connect(url: str, name: str) -> AsyncIterator[Bus]:
    """A `Bus` named `name` in the server's monitoring. Waits for the server as long as it takes; drains on leaving."""
    client = QuickClient()
    bus = Bus(client, client.jetstream(timeout=PUBLISH_TIMEOUT_S, publish_async_max_pending=MAX_ASYNC_PUBLISHES))

    async def on_error(error: Exception) -> None:
        if isinstance(error, nats.errors.SlowConsumerError):
            for hook in bus.on_slow_consumer:
                hook(error.sub)
        log.warning("bus_error", error=repr(error))

    async def on_disconnected() -> None:
        bus.connected.clear()
        log.warning("bus_disconnected")

    async def on_reconnected() -> None:
        bus.connected.set()
        log.info("bus_reconnected")
        for hook in bus.on_reconnect:
            await hook()

    await client.connect(
        servers=url.split(","),
        name=name,
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,  # type: ignore[arg-type]  # seconds; nats-py annotates int and takes fractions
        ping_interval=5,
        max_outstanding_pings=2,
        pending_size=PENDING_BYTES,
        error_cb=on_error,
        disconnected_cb=on_disconnected,
        reconnected_cb=on_reconnected,
    )
    await client.start_calls()
    bus.connected.set()
    try:
        yield bus
    finally:
        await _close(client)


async def unsubscribe(subscriptions: Iterable[Subscription]) -> None:
    """They have ended. A connection that is gone has none either."""
    for subscription in subscriptions:
        try:
            await subscription.unsubscribe()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing comes any more
            log.debug("unsubscribe_failed", error=repr(error))


async def _close(client: QuickClient) -> None:
    with suppress(nats.errors.Error, ConnectionError, TimeoutError, OSError):
        if client.is_connected:
            await asyncio.wait_for(client.drain(), 3)
    with suppress(nats.errors.Error, ConnectionError, OSError):
        await client.close()
