"""The pull loop of who begins each message as soon as it is there, and the one place where an exception becomes ack,
nak or term.

Requests are pipelined: while one batch is worked on, the next is on its way. See `rounds` for who gathers.
"""

import asyncio
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import ConsumerConfig
from nats.js.errors import NoStreamResponseError

from shared import errors, subjects
from shared.bus import streams
from shared.bus.connection import Bus
from shared.bus.pulling import ConfigSource, Ensure, Pull
from shared.logging import get_logger

log = get_logger("consume")

NAK_DELAY_S = (0.2, 1.0, 2.0, 4.0)


class Puller(Pull):
    """Messages of one consumer, at most `window` asked for at a time and so at most `window` in memory.

    With `holds`, a message that was taken counts against the window until `release`: a worker whose messages take
    long is never sent more than it can begin at once.
    """

    def __init__(
        self,
        bus: Bus,
        stream: str,
        config: ConsumerConfig | ConfigSource,
        window: int = 500,
        *,
        holds: bool = False,
        ensure: Ensure | None = None,
    ) -> None:
        super().__init__(bus, stream, config, ensure)
        self._window = window
        self._holds = holds
        self._held = 0
        self._arrived: list[Msg] = []

    async def _listen(self, inbox: str) -> Subscription:
        return await self._bus.client.subscribe(f"{inbox}.*", cb=self._on_message)

    async def _on_message(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        self._signed()
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
        if want >= (1 if self._held else max(1, self._window // 2)):
            self._request(want)

    async def batch(self, limit: int) -> list[Msg]:
        """The next messages in order, at least one, at most `limit`; waits as long as there are none."""
        while not self._arrived:
            await self._sign()
        taken, self._arrived = self._arrived[:limit], self._arrived[limit:]
        self._held += len(taken) if self._holds else 0
        await self._ask()
        return taken

    def release(self) -> None:
        """A held message is done with: there is room for another one."""
        self._held -= 1
        self._wake.set()


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
    subject = subjects.parked(origin, subjects.session_of(message.subject))
    try:
        await bus.js.publish(subject, message.data, headers=headers)
    except NoStreamResponseError:  # nobody has made it yet, or it is lost
        await streams.ensure(bus.js, streams.PARKED)
        await bus.js.publish(subject, message.data, headers=headers)
