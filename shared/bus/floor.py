"""The first seq of EVENTS. Below it a read from the stream proves nothing: what was trimmed is skipped without a word.

It only grows. So a read from `a` is complete if the floor, asked for *after* the read, is not above `a`.
"""

import asyncio

import nats.errors
import orjson

from shared import errors, subjects
from shared.bus.client import NO_RESPONDERS, QuickClient

TIMEOUT_S = 5.0


class Floor:
    """The floor as it was last heard of. One request serves everybody who began to wait before it was sent."""

    def __init__(self, client: QuickClient) -> None:
        self.seq = 1
        self._client = client
        self._under_way: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    def heard(self, first_seq: int) -> None:
        """The leader said so."""
        self.seq = max(self.seq, first_seq)

    def forget(self) -> None:
        """The stream is another one."""
        self.seq = 1

    async def confirm(self) -> int:
        """The floor as of a moment after this call.

        Raises:
            Unavailable: the leader does not answer.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._ask(self._under_way))
            self._next.add_done_callback(lambda done: done.cancelled() or done.exception())  # if nobody waits any more
        await asyncio.shield(self._next)
        return self.seq

    async def _ask(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        self._under_way, self._next = self._next, None
        try:
            status, reply = await self._client.call(f"$JS.API.STREAM.INFO.{subjects.EVENTS}", b"", TIMEOUT_S)
        except (nats.errors.Error, TimeoutError) as error:
            raise errors.Unavailable("the event stream does not answer") from error
        answer = {} if status.startswith(NO_RESPONDERS) else orjson.loads(reply)
        if "state" not in answer:
            raise errors.Unavailable("the event stream does not answer")
        self.heard(int(answer["state"]["first_seq"]))
