"""A lane: what one user publishes into one session. What entered first is stored first, whatever happens on the way.

Nothing goes out before the outcome of what went out before it is known, so nothing can overtake a message that was
lost, neither around a reconnect nor when the stream changes its leader. What comes meanwhile waits; if that is a few,
they go one by one, if it is many, together, as one atomic batch: they are stored in order, or none of them is. What was
not acknowledged is published again under its id before anything else. If the bus does not answer for ten seconds,
everything in the lane is refused (Unavailable), and whoever sends it again sends it in order again.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import nats.errors

from services.gateway import measures
from shared import errors, subjects
from shared.bus.batch import MAX_BYTES, MAX_MESSAGES, Message, publish_together
from shared.bus.connection import Bus
from shared.bus.publish import Published, acknowledged, publish

TOGETHER = 8  # a batch costs the server what it costs to store about ten messages one by one


class _Entry(NamedTuple):
    message: Message
    outcome: asyncio.Future[Published]

    def settle(self, outcome: Published | errors.AntiphonError) -> None:
        if self.outcome.done():  # whoever waited has gone
            return
        if isinstance(outcome, Published):
            self.outcome.set_result(outcome)
        else:
            self.outcome.set_exception(outcome)


class Lane:
    """Whoever has the turn decides next and may post. `acked` is the newest seq that the lane was told of."""

    __slots__ = (
        "__weakref__", "_bus", "_feed", "_posted_at", "_sending", "_subject", "_takers", "_turn", "_waiting", "acked",
    )  # fmt: skip

    def __init__(self, bus: Bus, session_id: str) -> None:
        self.acked = 0
        self._feed: object = None
        self._turn: asyncio.Lock | None = None  # made when somebody has to wait
        self._takers = 0
        self._bus = bus
        self._subject = subjects.event(session_id)
        self._waiting: list[_Entry] = []  # short: what is more goes together
        self._sending: asyncio.Future[Any] | None = None  # a first try of the first that waits, or the task
        self._posted_at = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The turn, first come, first served, for the length of a block."""
        self._turn = self._turn or asyncio.Lock()
        self._takers += 1
        try:
            async with self._turn:
                yield
        finally:
            self._takers -= 1

    def enter(self, feed: object) -> None:
        """From here on this feed of the session is decided on. What was acknowledged while it was another may be of
        another log; if it is of the same, the new feed was opened with it.
        """
        if self._feed is not feed:
            self._feed, self.acked = feed, 0

    @property
    def is_taken(self) -> bool:
        """Whether somebody has the turn or waits for it; if not, who posts without waiting need not take it."""
        return self._takers > 0

    def post(self, message: Message) -> asyncio.Future[Published]:
        """The message will be published after everything posted before it; the future has what became of it.

        It raises what `shared.bus.publish` raises. It may be left alone: the message is published all the same.
        """
        entry = _Entry(message, asyncio.get_running_loop().create_future())
        entry.outcome.add_done_callback(_heard)
        self._waiting.append(entry)
        if self._sending is None:
            self._go_on()
        return entry.outcome

    async def settled(self) -> None:
        """Nothing is on its way any more."""
        while self._sending is not None:
            await asyncio.wait([self._sending])

    def _go_on(self) -> None:
        """The next goes out. A lone one needs no task unless something is wrong with it."""
        self._sending = None
        if not self._waiting:
            return
        if len(self._waiting) < TOGETHER:
            message = self._waiting[0].message
            headers = {**message.headers, subjects.HEADER_MSG_ID: message.msg_id}
            try:
                self._sending = self._bus.stream.post(self._subject, message.body, headers)
            except nats.errors.Error:
                pass  # the task finds out what to say of it
            else:
                self._posted_at = time.monotonic()
                self._sending.add_done_callback(self._tried)
                return
        self._sending = asyncio.create_task(self._send())

    def _tried(self, reply: "asyncio.Future[tuple[bytes, bytes]]") -> None:
        try:
            published = acknowledged(*reply.result())
        except Exception:  # noqa: BLE001 - whatever it is, the task tries again under the same id, and says
            self._sending = asyncio.create_task(self._send())
            return
        measures.PUBLISH_S.observe(time.monotonic() - self._posted_at)
        self._acknowledge(self._waiting.pop(0), published)
        self._go_on()

    async def _send(self) -> None:
        try:
            while self._waiting:
                await self._publish(self._take())
        finally:
            self._sending = None

    def _take(self) -> list[_Entry]:
        """The next to go: one, if few wait; all that fit into a batch, if many do."""
        taken = [self._waiting.pop(0)]
        if len(self._waiting) + 1 < TOGETHER:
            return taken
        size = len(taken[0].message.body)
        while self._waiting and len(taken) < MAX_MESSAGES:
            size += len(self._waiting[0].message.body)
            if size > MAX_BYTES:
                break
            taken.append(self._waiting.pop(0))
        return taken

    async def _publish(self, entries: list[_Entry]) -> None:
        if len(entries) > 1 and await self._publish_together(entries):
            return
        for number, entry in enumerate(entries):
            message = entry.message
            try:
                with measures.PUBLISH_S.time():
                    outcome = await publish(
                        self._bus.stream, self._subject, message.body, msg_id=message.msg_id, headers=message.headers
                    )
            except errors.Unavailable as error:
                rest = [*entries[number:], *self._waiting]
                self._waiting.clear()
                for one in rest:
                    one.settle(error)
                return
            except errors.AntiphonError as error:
                entry.settle(error)
            else:
                self._acknowledge(entry, outcome)

    async def _publish_together(self, entries: list[_Entry]) -> bool:
        with measures.PUBLISH_S.time():
            first = await publish_together(self._bus.client, self._subject, [entry.message for entry in entries])
        if first is None:
            return False
        for seq, entry in enumerate(entries, first):
            self._acknowledge(entry, Published(seq, duplicate=False))
        return True

    def _acknowledge(self, entry: _Entry, outcome: Published) -> None:
        if not outcome.duplicate:  # a repeat's event may be another session's: whoever looks at it says so
            self.acked = max(self.acked, outcome.seq)
        entry.settle(outcome)


def _heard(outcome: asyncio.Future[Published]) -> None:
    """Whoever waited may have gone; then nobody else asks for the error."""
    if not outcome.cancelled():
        outcome.exception()
