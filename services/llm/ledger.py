"""What the log says about replies, and the strict way to add to it.

`reply.started` and the end of a reply are published with the expected last sequence of their session, after a look at
the state as of that sequence. **The attempt in the log is the fencing token**: whoever is behind it is refused, however
late it writes and whatever it believes about its lease.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple
from weakref import WeakValueDictionary

from shared import errors, subjects
from shared.bus.connection import Bus
from shared.bus.direct import DirectReader, Stored
from shared.bus.floor import Floor
from shared.bus.publish import Moved, publish
from shared.bus.query import QueryClient
from shared.bus.whole import WholeReader
from shared.events import Envelope, MalformedEventError, Recorded, decode, encode
from shared.logging import get_logger
from shared.session import OpenReply, SessionState, evolve

log = get_logger("ledger")

KEPT = 1000  # session states in memory
BREATHE_EVENTS = 1000  # folded; then others of this process have their turn
Rule = Callable[[OpenReply], bool]


class _Read(NamedTuple):
    """`head`: the session's last seq in the stream, 0 if that holds none of it; so the server counts, too."""

    state: SessionState
    head: int
    is_there: bool


class Ledger:
    """Sessions as the log has them, kept for the recent ones. What the stream has let go is asked of history."""

    def __init__(self, bus: Bus, reader: DirectReader, queries: QueryClient) -> None:
        self._bus = bus
        self._reader = reader
        self._floor = Floor(bus.client)
        self._whole = WholeReader(reader, queries, self._floor)
        self._states: OrderedDict[str, SessionState] = OrderedDict()
        self._reading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        bus.on_reconnect.append(self._forget)

    async def _forget(self) -> None:
        self._states = OrderedDict()  # the stream may have been made anew; who is reading keeps nothing
        self._floor.forget()

    async def state(self, session_id: str) -> SessionState:
        """The session as of the leader's head.

        Raises:
            Unavailable: the bus does not answer, or history where it is needed.
        """
        async with self._reading.setdefault(session_id, asyncio.Lock()):  # a long one is read once, not once a job
            known = self._states.get(session_id, SessionState(session_id))
            return (await self._advance(known, "")).state

    async def event(self, session_id: str, seq: int) -> Recorded:
        """The session's event at `seq`, or what is left of it.

        Raises:
            Unavailable: the bus does not answer, or history where it is needed.
            NotFound: it is in neither.
        """
        body = await self._whole.body(session_id, seq)
        if body is None:
            raise errors.NotFound(f"event {seq}")
        return decode(seq, body)

    async def record(self, envelope: Envelope, reply_id: str, rule: Rule, msg_id: str) -> bool:
        """Whether the event is in the log now, at a place where its reply was open and `rule` held for it.

        Raises:
            Unavailable: the outcome is unknown; ask again with the same envelope.
        """
        session_id = envelope.subject
        headers = {subjects.HEADER_TRACEPARENT: envelope.traceparent} if envelope.traceparent else None
        state = self._states.get(session_id, SessionState(session_id))
        while True:
            state, head, is_there = await self._advance(state, envelope.id)
            if is_there:
                return True
            reply = state.open_replies.get(reply_id)
            if reply is None or not rule(reply):
                return False
            try:
                await publish(
                    self._bus.js,
                    subjects.event(session_id),
                    encode(envelope),
                    msg_id=msg_id,
                    headers=headers,
                    expected_seq=head,
                )
            except Moved as moved:
                if moved.actual_seq is not None and moved.actual_seq < head:
                    self._states.pop(session_id, None)  # trimmed, or another stream
                    state = SessionState(session_id)
            else:
                return True

    async def _advance(self, state: SessionState, look_for: str) -> _Read:
        states = self._states
        last = await self._reader.head(subjects.EVENTS, subjects.event(state.session_id))
        if last is not None and last.seq == state.seq:  # nothing has happened
            self._keep(states, state)
            return _Read(state, state.seq, is_there=False)
        read = await self._whole.everything_after(state.session_id, state.seq)
        if read.head < state.seq and self._floor.seq <= state.seq:  # what was there is not: another stream
            states.pop(state.session_id, None)
            return await self._advance(SessionState(state.session_id), look_for)
        is_there = False
        for count, stored in enumerate(read.events, start=1):
            state, event_id = _fold(state, stored)
            is_there = is_there or (event_id == look_for != "")
            if count % BREATHE_EVENTS == 0:
                await asyncio.sleep(0)
        self._keep(states, state)
        return _Read(state, read.head, is_there)

    @staticmethod
    def _keep(states: OrderedDict[str, SessionState], state: SessionState) -> None:
        known = states.get(state.session_id)
        if known is None or known.seq < state.seq:
            states[state.session_id] = state
        states.move_to_end(state.session_id)
        while len(states) > KEPT:
            states.popitem(last=False)


def _fold(state: SessionState, stored: Stored) -> tuple[SessionState, str]:
    try:
        recorded = decode(stored.seq, stored.body)
    except MalformedEventError as error:
        log.warning("event_malformed", seq=stored.seq, error=str(error))
        return replace(state, seq=stored.seq), ""
    return evolve(state, recorded), recorded.envelope.id


def oldest_open(state: SessionState, chat_id: str) -> OpenReply | None:
    """The reply of a chat that is next."""
    replies = (reply for reply in state.open_replies.values() if reply.chat_id == chat_id)
    return min(replies, key=lambda reply: reply.requested_seq, default=None)
