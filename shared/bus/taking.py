"""The short way in for messages that have to be settled: handed over as they are parsed, with where to reply."""

from collections.abc import Callable

from nats.aio.client import Client
from nats.aio.subscription import Subscription

from shared.logging import get_logger

log = get_logger("bus")

Taker = Callable[[bytes, bytes, bytes, bytes], None]  # subject, where to reply, headers as on the wire, body


class TakingClient(Client):
    """nats-py's client and one more way to subscribe. A taker returns at once; what it raises is logged."""

    def __init__(self) -> None:
        super().__init__()
        self._takers: dict[int, Taker] = {}

    async def take(self, subject: str, taker: Taker) -> Subscription:
        """Every message of `subject` goes to the taker, in order, until the subscription ends."""
        self._sid += 1
        subscription = Subscription(self, self._sid, subject)
        self._subs[self._sid] = subscription
        self._takers[self._sid] = taker
        await self._send_subscribe(subscription)
        return subscription

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        taker = self._takers.get(sid)
        if taker is None:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(data)
        try:
            taker(subject, reply or b"", headers or b"", data)
        except Exception:
            log.exception("taker_failed", subject=subject.decode(errors="replace"))

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        self._takers.pop(sid, None)
        super()._remove_sub(sid, max_msgs)
