"""Whether a reply is still wanted while it is written.

A reply that is being written is stopped when somebody cancels it, when a newer one interrupts it by the policy of its
chat, and when it has ended or gone on elsewhere. What happens in its session is noticed by the live copies, which carry
the headers that matter; a copy is a hint and may be missing, so the log is looked at now and then as well. What the log
says decides.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from nats.aio.msg import Msg

from services.llm.ledger import Ledger
from shared import errors, subjects
from shared.bus.connection import Bus, unsubscribe
from shared.logging import get_logger
from shared.session import OpenReply, SessionState
from shared.tasks import cancel

log = get_logger("wanted")

LOOK_S = 2.0  # how late a cancel is noticed whose live copy was lost
_TELLING = {subjects.HEADER_REPLY_CANCEL, subjects.HEADER_REPLY_ID}


def is_unwanted(state: SessionState, reply: OpenReply) -> bool:
    """Whether an open reply is to end with what it has: cancelled, interrupted by a newer one in its chat, or asked for
    by what was erased.
    """
    if reply.cancelled or reply.erased:
        return True
    newest = state.replies_in(reply.chat_id)[-1]
    return newest.requested_seq > reply.requested_seq and state.second_prompt(reply.chat_id) == "interrupt"


def is_over(state: SessionState, reply_id: str, attempt: int) -> bool:
    """Whether there is nothing more to do for an attempt at a reply."""
    now = state.open_replies.get(reply_id)
    if now is None:  # that proves nothing while the stream is being made anew, or where its beginning is away
        return state.exists
    return now.attempt > attempt or is_unwanted(state, now)


class Wanted:
    """Watches the sessions in which this worker writes; one subscription for each, however many replies."""

    def __init__(self, bus: Bus, ledger: Ledger) -> None:
        self._bus = bus
        self._ledger = ledger
        self._sessions: dict[str, _Session] = {}
        bus.on_reconnect.append(self._on_reconnect)

    @asynccontextmanager
    async def watched(self, session_id: str, reply_id: str, attempt: int) -> AsyncIterator[asyncio.Event]:
        """Inside, the event is set as soon as the attempt at the reply is not wanted any more."""
        session = self._sessions.setdefault(session_id, _Session(self._bus, self._ledger, session_id))
        over = asyncio.Event()
        session.watched[over] = (reply_id, attempt)
        session.start()
        try:
            yield over
        finally:
            del session.watched[over]
            if not session.watched:
                del self._sessions[session_id]
                await session.end()

    async def _on_reconnect(self) -> None:
        for session in self._sessions.values():
            session.look.set()


@dataclass(slots=True)
class _Session:
    bus: Bus
    ledger: Ledger
    session_id: str
    watched: dict[asyncio.Event, tuple[str, int]] = field(default_factory=dict)  # a reply may be, more than once
    look: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.look.set()  # what happened before this reply was watched
        if self.task is None:
            self.task = asyncio.create_task(self._run())

    async def end(self) -> None:
        if self.task is not None:
            await cancel(self.task)

    async def _run(self) -> None:
        live = await self.bus.client.subscribe(subjects.live(self.session_id), cb=self._on_live)
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self.look.wait()
                self.look.clear()
                await self._compare()
        finally:
            await unsubscribe([live])

    async def _on_live(self, message: Msg) -> None:
        if not _TELLING.isdisjoint(message.headers or {}):
            self.look.set()

    async def _compare(self) -> None:
        try:
            state = await self.ledger.state(self.session_id)
        except errors.AntiphonError as error:
            log.warning("not_looked", session_id=self.session_id, error=repr(error))
            return
        for over, (reply_id, attempt) in self.watched.items():
            if is_over(state, reply_id, attempt):
                over.set()
