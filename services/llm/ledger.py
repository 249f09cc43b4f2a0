"""What the log says about replies, and the strict way to add to it.

`reply.started` and the end of a reply are published with the expected last sequence of their session, after a look at
the state as of that sequence. **The attempt in the log is the fencing token**: whoever is behind it is refused, however
late it writes and whatever it believes about its lease.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from weakref import WeakValueDictionary

from shared import errors, subjects
from shared.bus.connection import Bus
from shared.bus.direct import DirectReader, Stored, read_session
from shared.bus.erased import with_remains
from shared.bus.publish import Moved, publish
from shared.events import Envelope, MalformedEventError, Recorded, decode, encode
from shared.logging import get_logger
from shared.session import OpenReply, SessionState, evolve

log = get_logger("ledger")

KEPT = 1000  # session states in memory
Rule = Callable[[OpenReply], bool]


class Ledger:
    """Sessions as the log has them, kept for the recent ones."""

    def __init__(self, bus: Bus, reader: DirectReader) -> None:
        self._bus = bus
        self._reader = reader
        self._states: OrderedDict[str, SessionState] = OrderedDict()
        self._reading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        bus.on_reconnect.append(self._forget)

    async def _forget(self) -> None:
        self._states.clear()  # the stream may have been made anew

    async def state(self, session_id: str) -> SessionState:
        """The session as of the leader's head.

        Raises:
            Unavailable: the bus does not answer.
        """
        async with self._reading.setdefault(session_id, asyncio.Lock()):  # a long one is read once, not once a job
            known = self._states.get(session_id, SessionState(session_id))
            return (await self._advance(known, ""))[0]

    async def event(self, seq: int) -> Recorded:
        """The event at `seq`.

        Raises:
            Unavailable: the bus does not answer.
            NotFound: it is not in the stream.
        """
        stored = await self._reader.at(subjects.EVENTS, seq)
        if stored is None:
            raise errors.NotFound(f"event {seq}")
        return decode(seq, stored.body)

    async def record(self, envelope: Envelope, reply_id: str, rule: Rule, msg_id: str) -> bool:
        """Whether the event is in the log now, at a place where its reply was open and `rule` held for it.

        Raises:
            Unavailable: the outcome is unknown; ask again with the same envelope.
        """
        session_id = envelope.subject
        headers = {subjects.HEADER_TRACEPARENT: envelope.traceparent} if envelope.traceparent else None
        state = self._states.get(session_id, SessionState(session_id))
        while True:
            state, is_there = await self._advance(state, envelope.id)
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
                    expected_seq=state.seq,
                )
            except Moved as moved:
                if moved.actual_seq is not None and moved.actual_seq < state.seq:
                    self._states.pop(session_id, None)  # trimmed, or another stream
                    state = SessionState(session_id)
            else:
                return True

    async def _advance(self, state: SessionState, look_for: str) -> tuple[SessionState, bool]:
        found = False
        found_there = await read_session(self._reader, state.session_id, state.seq)
        for stored in with_remains(found_there, state.seq):  # an end that was erased is an end
            state, event_id = _fold(state, stored)
            found = found or (event_id == look_for != "")
        self._keep(state)
        return state, found

    def _keep(self, state: SessionState) -> None:
        known = self._states.get(state.session_id)
        if known is None or known.seq < state.seq:
            self._states[state.session_id] = state
        self._states.move_to_end(state.session_id)
        while len(self._states) > KEPT:
            self._states.popitem(last=False)


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
