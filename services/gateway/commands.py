"""A command becomes an event: once, whatever is sent again, and in the order in which one user sent them.

Order. `execute` reaches its lane, one per session and user, without yielding, and turns in a lane are first come, first
served: who starts executions in the order of a connection's commands gets their events in that order; see `lanes` for
what is published. A message is decided while the ones before it are on their way, since none of them can matter to it.
Every other command waits until the outcome of all before it is known and their events are in the local state, and the
next one waits for it in the same way: everybody decides on a state that holds their own last change.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from weakref import WeakValueDictionary

import orjson

from services.gateway import asking, measures, targets
from services.gateway.coalescing import Coalesced
from services.gateway.composing import NOTHING, Call, Composed, Outcome
from services.gateway.feed import Feed
from services.gateway.freshness import Freshness
from services.gateway.lanes import Lane
from services.gateway.repeats import is_repeat
from services.gateway.sessions import Sessions
from shared import errors, subjects, telemetry
from shared.auth import Identity
from shared.bus.publish import Moved, Published, publish
from shared.logging import get_logger
from shared.session import Command, Decided
from shared.session.commands import SendMessage, TargetedCommand

log = get_logger("commands")

DECIDE_S = 10.0  # how long a strict command is decided again when others were faster


Told = Callable[[Outcome | errors.AntiphonError], None]


class _OnItsWay(NamedTuple):
    """A message in its lane, and what will have become of it."""

    composed: Composed
    published: asyncio.Future[Published]


class Commands:
    """Decides and publishes for the users of one gateway."""

    def __init__(self, sessions: Sessions) -> None:
        self.receipts = Coalesced()
        self._sessions = sessions
        self._freshness = Freshness(sessions)
        self._lanes: WeakValueDictionary[tuple[str, str], Lane] = WeakValueDictionary()
        self._waiting: set[asyncio.Task[None]] = set()

    async def execute(self, command: Command, identity: Identity, traceparent: str = "") -> Outcome:
        """The command's event is on the log for good, and in this gateway's state of the session.

        Raises:
            Refused: a rule is against it (`NotFound`: also what is none of the user's business).
            Conflict: the id was used for something else, or the session was changed by others all the time.
            Unavailable: the bus, or the log where it is needed, is away. The same id may be sent again.
        """
        lane = self._lane(command.session_id, identity.user)
        feed: Feed | None = None
        try:
            async with lane.turn():
                feed = await self._sessions.acquire(command.session_id)
                lane.enter(feed)
                call = Call(feed, lane, command, identity, traceparent or telemetry.traceparent())
                begun = await self._in_turn(call)
            if isinstance(begun, Outcome):
                return begun
            return await self._conclude(call, begun.composed, await begun.published)
        finally:
            if feed is not None:
                self._sessions.release(feed)

    def post(self, command: SendMessage, identity: Identity, told: Told) -> bool:
        """Whether the message is on its way, in the same place of its lane that `execute` would have given it; `told`
        will get what `execute` would return or raise. If not, something has to be waited for, and `execute` does.

        Raises:
            Unavailable: the bus has no room.
        """
        feed = self._sessions.opened(command.session_id)
        if feed is None or command.expected_seq is not None:
            return False
        lane = feed.lanes.get(identity.user) or self._lane(command.session_id, identity.user)
        if lane.is_taken or feed.acked > feed.chain.covered:
            return False
        if feed.seq_of(identity.user, command.id) is not None or not self._freshness.is_fresh(command.id):
            return False
        self._sessions.outages.room.admit(command)
        call = Call(feed, lane, command, identity, telemetry.new_traceparent())
        decided = call.decided()
        if isinstance(decided, errors.Refused):
            return False
        composed = call.compose(decided, self._sessions.instance)
        posted = lane.post(composed.message)
        feed.refs += 1
        feed.lanes[identity.user] = lane
        lane.enter(feed)
        posted.add_done_callback(partial(self._published, call, composed, told))
        return True

    def _published(self, call: Call, composed: Composed, told: Told, reply: asyncio.Future[Published]) -> None:
        try:
            published = reply.result()
        except errors.AntiphonError as error:
            self._sessions.release(call.feed)
            told(error)
            return
        if published.duplicate or published.seq > call.feed.chain.covered:
            task = asyncio.create_task(self._wait(call, composed, told, published))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)
            return
        self._check(call, published.seq)
        asking.tell(self._sessions.bus.client, composed.data)
        self._sessions.release(call.feed)
        told(call.outcome(composed, published.seq))

    async def _wait(self, call: Call, composed: Composed, told: Told, published: Published) -> None:
        outcome: Outcome | errors.AntiphonError
        try:
            outcome = await self._conclude(call, composed, published)
        except errors.AntiphonError as error:
            outcome = error
        except Exception:  # whoever waits is answered, whatever it is
            log.exception("command_failed", method=call.command.METHOD)
            outcome = errors.Internal()
        finally:
            self._sessions.release(call.feed)
        told(outcome)

    def _lane(self, session_id: str, user: str) -> Lane:
        if (lane := self._lanes.get((session_id, user))) is None:
            lane = self._lanes[session_id, user] = Lane(self._sessions.bus, session_id)
        return lane

    async def _in_turn(self, call: Call) -> Outcome | _OnItsWay:
        feed = call.feed
        if not call.streams:
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

    async def _try(self, call: Call, *, refreshed: bool) -> Outcome | _OnItsWay | None:
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

    async def _look(self, call: Call) -> None:
        """The call's target is current, if it has one and its user may know."""
        if isinstance(call.command, TargetedCommand) and call.identity.user in call.feed.state.participants:
            call.known_at = call.feed.last
            call.target = await targets.find(call.feed, self._sessions.queries, call.command)

    async def _publish(self, call: Call, decided: Decided, expected_seq: int | None) -> Outcome | _OnItsWay:
        composed = call.compose(decided, self._sessions.instance)
        message = composed.message
        if call.streams:
            return _OnItsWay(composed, call.lane.post(message))
        with measures.PUBLISH_S.time():
            published = await publish(
                self._sessions.bus.stream,
                subjects.event(call.feed.session_id),
                message.body,
                msg_id=message.msg_id,
                headers=message.headers,
                expected_seq=expected_seq,
            )
        return await self._conclude(call, composed, published)

    async def _conclude(self, call: Call, composed: Composed, published: Published) -> Outcome:
        if published.duplicate:
            return await self._answer_stored(call, published.seq)
        self._check(call, published.seq)
        asking.tell(self._sessions.bus.client, composed.data)
        await self._see(call.feed, published.seq)
        return call.outcome(composed, published.seq)

    def _check(self, call: Call, seq: int) -> None:
        """A position that was given out before: the stream may be another one."""
        if seq <= call.feed.chain.covered and call.feed.seq_of(call.identity.user, call.command.id) != seq:
            self._sessions.doubt()

    async def _see(self, feed: Feed, seq: int) -> None:
        """Waits for one's own event. It is accepted either way; who comes next waits for it again, or is refused."""
        feed.acked = max(feed.acked, seq)
        try:
            await feed.reach(seq)
        except errors.Unavailable:
            log.warning("own_event_not_seen", session_id=feed.session_id, seq=seq)

    async def _earlier(self, call: Call) -> Outcome | None:
        seq = call.feed.seq_of(call.identity.user, call.command.id)
        return None if seq is None else await self._answer_stored(call, seq)

    async def _answer_stored(self, call: Call, seq: int) -> Outcome:
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
