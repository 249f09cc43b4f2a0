"""Messages of one consumer a round at a time: all that has come since the last one, in one answer.

Between two rounds nothing is asked for, so a message that is stored then wakes nobody: at a moderate pace that is most
of what it costs, in the server as well as here. A request is answered at once if there is anything, and otherwise with
the first message that comes, so gathering is up to the time between the rounds. Source: nats-server 2.15, `no_wait`
with `expires`; the answer ends with a 404, or with its last message. Where others wait for as much as there is, such a
request is refused at once: then one waits behind them, for a single message.
"""

import asyncio
from typing import NamedTuple

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import ConsumerConfig

from shared.bus.client import header, parsed
from shared.bus.connection import Bus
from shared.bus.pulling import ConfigSource, Pull

AT_ONCE_S = 0.05  # an empty answer within this time was a refusal, not a message that somebody else got
_STATUS = b"NATS/1.0 "
_HEARTBEAT, _EXPIRED, _NOTHING = b"100", b"408", b"404"


class Delivered(NamedTuple):
    """A message as a consumer delivers it: headers as on the wire, `reply` the subject that settles it.

    Source: NATS ADR-15, subjects of acknowledgements.
    """

    subject: str
    reply: str
    headers: bytes
    data: bytes

    def header(self, name: str) -> str:
        """The value of one header; empty if there is none."""
        return header(self.headers, name.encode()).decode(errors="replace")

    @property
    def pending(self) -> int:
        """How many more the consumer had to deliver."""
        tokens = self.reply.split(".")
        return int(tokens[8 if len(tokens) == 9 else 10])


class Rounds(Pull):
    """Up to `limit` messages a round. Nothing is dropped here, and nothing is taken in advance."""

    def __init__(self, bus: Bus, stream: str, config: ConsumerConfig | ConfigSource, limit: int) -> None:
        super().__init__(bus, stream, config)
        self._limit = limit
        self._arrived: list[Delivered] = []
        self._asked_at = 0.0
        self._is_crowded = False

    async def next(self) -> list[Delivered]:
        """What has come since the last round, in order, at least one; waits as long as there is nothing."""
        while not self._arrived or self._outstanding:
            if self._broken and self._arrived:
                break  # the rest of the answer will not come
            await self._sign()
        taken, self._arrived = self._arrived, []
        self._outstanding = 0
        return taken

    def message(self, one: Delivered) -> Msg:
        """The same for whoever settles it in its own way."""
        headers = parsed(one.headers) if one.headers else None
        return Msg(_client=self._bus.client, subject=one.subject, reply=one.reply, data=one.data, headers=headers)

    def acknowledge(self, one: Delivered) -> None:
        """It is done with. If the server does not hear of it, it comes again.

        Raises:
            nats.errors.Error: the connection was closed.
        """
        self._bus.client.put(one.reply, b"+ACK")

    async def _listen(self, inbox: str) -> Subscription:
        return await self._bus.client.listen(f"{inbox}.*", self._on_message)

    async def _ask(self) -> None:
        if self._outstanding or self._arrived:
            return
        self._asked_at = asyncio.get_running_loop().time()
        if self._is_crowded:
            self._request(1)
        else:
            self._request(self._limit, no_wait=True)
        self._is_crowded = False

    def _on_message(self, subject: bytes, reply: bytes, headers: bytes, body: bytes) -> None:
        if not headers.startswith(_STATUS):
            self._signed()
            self._outstanding = max(0, self._outstanding - 1)
            to = subject.decode(errors="replace")  # the server lets bytes pass that are no UTF-8
            self._arrived.append(Delivered(to, reply.decode(), headers, body))
            if self._outstanding:
                return  # the rest of the answer is on its way
        elif subject != self._reply_to.encode():
            return  # of a request that was given up
        elif headers.startswith(_HEARTBEAT, len(_STATUS)):
            self._signed()
            return
        elif headers.startswith((_NOTHING, _EXPIRED), len(_STATUS)):
            self._outstanding = 0  # that was all
            self._is_crowded = asyncio.get_running_loop().time() - self._asked_at < AT_ONCE_S and not self._arrived
        else:  # 409, 503: there is no such consumer any more, or it changes its leader
            self._broken = True
        self._wake.set()
