"""A command becomes an event: once, whatever is sent again, and in the order in which one user sent them.

Order. `execute` reaches its lane, one per session and user, without yielding, and turns in a lane are first come, first
served: who starts executions in the order of a connection's commands gets their events in that order; see `lanes` for
what is published. A message is decided while the ones before it are on their way, since none of them can matter to it.
Every other command waits until the outcome of all before it is known and their events are in the local state, and the
next one waits for it in the same way: everybody decides on a state that holds their own last change.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import orjson

from services.gateway import asking, measures, targets
from services.gateway.coalescing import Coalesced
from services.gateway.feed import Feed
from services.gateway.freshness import Freshness
from services.gateway.lanes import Lane
from services.gateway.repeats import is_repeat
from services.gateway.sessions import Sessions
from shared import errors, subjects, telemetry
from shared.auth import Identity
from shared.bus.batch import Message
from shared.bus.publish import Moved, Published, publish
from shared.events import (
    Envelope,
    encode,
    wrap,
)
from shared.logging import get_logger
from shared.session import Actor, Command, Decided, Target, decide
from shared.session.commands import SendMessage, TargetedCommand

log = get_logger("commands")

NOTHING = Target()
DECIDE_S = 10.0  # how long a strict command is decided again when others were faster


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command: its event, and where it stands. `duplicate`: it was there before."""

    id: str
    seq: int
    duplicate: bool
    session_id: str
    type: str
    data: dict[str, Any]

    @property
    def chat_id(self) -> str | None:
        """The chat the event made or went to."""
        return self.data.get("chat_id")

    @property
    def reply_id(self) -> str | None:
        """The reply the event asks for."""
        return self.data.get("reply_id")


@dataclass(slots=True)
class _Call:
    """One execution. `sent`: the bodies that it has published so far, whose fate may be unknown.

    `target` is what the command wants to change, as it was when the session was at `known_at`.
    """

    feed: Feed
    lane: Lane
    command: Command
    identity: Identity
    traceparent: str
    sent: list[bytes] = field(default_factory=list)
    target: Target = NOTHING
    known_at: int = 0

    def decided(self) -> Decided | errors.Refused:
        """What the command means for the session as it is known now."""
        actor = Actor(self.identity.user, self.identity.name, self.identity.guest)
        return decide(self.feed.state, self.command, actor, int(time.time()), self.target)


class _OnItsWay(NamedTuple):
    """A message in its lane, and what will have become of it."""

    envelope: Envelope
    published: asyncio.Future[Published]


class Commands:
    """Decides and publishes for the users of one gateway."""

    def __init__(self, sessions: Sessions) -> None:
        self.receipts = Coalesced()
        self._sessions = sessions
        self._freshness = Freshness(sessions)
        self._lanes: WeakValueDictionary[tuple[str, str], Lane] = WeakValueDictionary()

    async def execute(self, command: Command, identity: Identity, traceparent: str = "") -> Outcome:
        """The command's event is on the log for good, and in this gateway's state of the session.

        Raises:
            Refused: a rule is against it (`NotFound`: also what is none of the user's business).
            Conflict: the id was used for something else, or the session was changed by others all the time.
            Unavailable: the bus, or the log where it is needed, is away. The same id may be sent again.
        """
        key = (command.session_id, identity.user)
        if (lane := self._lanes.get(key)) is None:
            lane = self._lanes[key] = Lane(self._sessions.bus, command.session_id)
        feed: Feed | None = None
        try:
            async with lane.turn:
                feed = await self._sessions.acquire(command.session_id)
                call = _Call(feed, lane, command, identity, traceparent or telemetry.traceparent())
                begun = await self._in_turn(call)
            if isinstance(begun, Outcome):
                return begun
            return await self._conclude(call, begun.envelope, await begun.published)
        finally:
            if feed is not None:
                self._sessions.release(feed)

    async def _in_turn(self, call: _Call) -> Outcome | _OnItsWay:
        feed = call.feed
        if not isinstance(call.command, SendMessage):
            await call.lane.settled()
            feed.acked = max(feed.acked, call.lane.acked)
        if feed.acked > feed.chain.covered:
            await feed.reach(feed.acked)
        if (found := await self._earlier(call)) is not None:
            return found
        if not self._freshness.is_fresh(call.command.id):
            seq = await self._freshness.stored_at(call.identity.user, call.command.id)
            if seq is not None:
                return await self._answer_stored(call, seq)
        self._sessions.outages.room.admit(call.command)
        loop = asyncio.get_running_loop()
        ends_at, tries = loop.time() + DECIDE_S, 0
        while loop.time() < ends_at:
            if (outcome := await self._try(call, refreshed=tries > 0)) is not None:
                return outcome
            tries += 1
            await feed.catch_up()
            if (found := await self._earlier(call)) is not None:
                return found
        log.info("command_conflict", session_id=feed.session_id, method=call.command.METHOD, tries=tries)
        raise errors.Conflict(f"the session changes all the time, last at seq {feed.last}")

    async def _try(self, call: _Call, *, refreshed: bool) -> Outcome | _OnItsWay | None:
        """One decision and its publish. None: look at the session again, then decide again."""
        await self._look(call)
        decided = call.decided()
        if isinstance(decided, errors.Refused):
            if refreshed:
                raise decided
            return None  # what was refused by a state that is behind may be right by the leader's
        if not decided.strict:
            return await self._publish(call, decided, None)
        async with call.feed.strict:  # those who wait here would have failed at the server
            moved = call.target is not NOTHING and call.known_at != call.feed.last
            if moved or call.decided() != decided:
                return None
            try:
                return await self._publish(call, decided, call.feed.chain.expectation)
            except Moved:
                return None

    async def _look(self, call: _Call) -> None:
        """The call's target is current, if it has one and its user may know."""
        if isinstance(call.command, TargetedCommand) and call.identity.user in call.feed.state.participants:
            call.known_at = call.feed.last
            call.target = await targets.find(call.feed, self._sessions.queries, call.command)

    async def _publish(self, call: _Call, decided: Decided, expected_seq: int | None) -> Outcome | _OnItsWay:
        feed, event = call.feed, decided.event
        envelope = wrap(
            event,
            event_id=call.command.id,
            session_id=feed.session_id,
            source=self._sessions.instance,
            actor=call.identity.user,
            actor_name=call.identity.name,
            traceparent=call.traceparent,
        )
        headers = asking.headers(event, call.traceparent)
        call.sent.append(encode(envelope))
        msg_id = subjects.command_msg_id(envelope.actor, feed.session_id, envelope.id)
        if isinstance(call.command, SendMessage):
            return _OnItsWay(envelope, call.lane.post(Message(call.sent[-1], msg_id, headers)))
        with measures.PUBLISH_S.time():
            published = await publish(
                self._sessions.bus.stream,
                subjects.event(feed.session_id),
                call.sent[-1],
                msg_id=msg_id,
                headers=headers,
                expected_seq=expected_seq,
            )
        return await self._conclude(call, envelope, published)

    async def _conclude(self, call: _Call, envelope: Envelope, published: Published) -> Outcome:
        feed, seq = call.feed, published.seq
        if published.duplicate:
            return await self._answer_stored(call, seq)
        if seq <= feed.chain.covered and feed.seq_of(envelope.actor, envelope.id) != seq:
            self._sessions.doubt()  # a position that was given out before: the stream may be another one
        await self._see(feed, seq)
        return Outcome(envelope.id, seq, False, feed.session_id, envelope.type, envelope.data)

    async def _see(self, feed: Feed, seq: int) -> None:
        """Waits for one's own event. It is accepted either way; who comes next waits for it again, or is refused."""
        feed.acked = max(feed.acked, seq)
        try:
            await feed.reach(seq)
        except errors.Unavailable:
            log.warning("own_event_not_seen", session_id=feed.session_id, seq=seq)

    async def _earlier(self, call: _Call) -> Outcome | None:
        seq = call.feed.seq_of(call.identity.user, call.command.id)
        return None if seq is None else await self._answer_stored(call, seq)

    async def _answer_stored(self, call: _Call, seq: int) -> Outcome:
        """The answer that the event at `seq` stands for, if it came from the same command; no duplicate if from this
        very call, whose acknowledgement was lost.
        """
        command = call.command
        body = await call.feed.stored(seq)
        event = orjson.loads(body) if body is not None else {}
        if (
            event.get("subject") != command.session_id
            or event.get("id") != command.id
            or not (event.get("erased") or is_repeat(command, event.get("type", ""), event.get("data", {})))
        ):
            raise errors.Conflict(f"the id {command.id} was used for something else, at seq {seq}")
        await self._see(call.feed, seq)
        return Outcome(command.id, seq, body not in call.sent, command.session_id, event["type"], event["data"])
