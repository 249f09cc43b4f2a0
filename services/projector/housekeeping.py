"""What becomes of sessions that nobody needs: guests' are deleted, silent ones archived, deleted ones erased.

Each is an event like everybody's, published only if the session's last event is still the one that was looked at. So
whoever writes into a session at the last moment keeps it, and two housekeepers make one event.
"""

import asyncio
from collections.abc import Mapping

import nats.errors
from nats.js.errors import Error as JetStreamError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.projector import metrics
from services.projector.due import Due, Kind, due
from services.projector.settings import ProjectorSettings
from shared import errors, ids, subjects
from shared.bus.connection import Bus
from shared.bus.publish import Moved, publish
from shared.bus.query import QueryClient
from shared.events import Event, SessionArchived, SessionDeleted, encode, wrap
from shared.logging import get_logger

log = get_logger("housekeeping")

NAME = "housekeeping"
ACTOR = f"svc/{NAME}"
DAY_S = 86_400
AT_ONCE = 200  # sessions of one kind
ERASE_S = 60.0

EVENTS: Mapping[Kind, Event] = {"guest_idle": SessionDeleted(), "archive_idle": SessionArchived()}


class Housekeeper:
    """Looks after all sessions, every so often."""

    def __init__(self, bus: Bus, pool: AsyncEngine, settings: ProjectorSettings) -> None:
        self._bus = bus
        self._pool = pool
        self._queries = QueryClient(bus)
        self._source = f"projector/{settings.instance}"
        self._every_s = settings.housekeeping_s
        self._after_s: dict[Kind, float] = {
            "guest_idle": settings.guest_idle_days * DAY_S,
            "archive_idle": settings.archive_idle_days * DAY_S,
            "erase_deleted": settings.erase_deleted_days * DAY_S,
        }

    async def run(self) -> None:
        """Goes on for ever. What can't be done now is done next time."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.round()
            except (errors.AntiphonError, nats.errors.Error, JetStreamError, SQLAlchemyError) as error:
                log.warning("round_broken_off", cause=str(error) or repr(error))

    async def round(self) -> None:
        """Afterwards everything that was due is done, or somebody wrote meanwhile, or it waits for the next time.

        Raises:
            Unavailable, nats.errors.Error: the bus is away.
        """
        again: Mapping[Kind, float] = self._after_s
        while again:
            found = await self.due(again)
            done = [one.kind for one in found if await self.carry_out(one)]
            again = {kind: self._after_s[kind] for kind in set(done) if done.count(kind) == AT_ONCE}

    async def due(self, after_s: Mapping[Kind, float] | None = None) -> list[Due]:
        """What is to be done."""
        return await due(self._pool, self._after_s if after_s is None else after_s, AT_ONCE)

    async def carry_out(self, one: Due) -> bool:
        """Whether it was done: nobody has written into the session since."""
        done = await (self._erase(one) if one.kind == "erase_deleted" else self._publish(one, EVENTS[one.kind]))
        metrics.HOUSEKEPT.labels(one.kind).inc(done)
        log.info("housekept" if done else "left_alone", kind=one.kind, session_id=one.session_id, seq=one.seq)
        return done

    async def _publish(self, one: Due, event: Event) -> bool:
        envelope = wrap(
            event,
            event_id=ids.derived(one.cause, f"{NAME}/{one.kind}") if one.cause else ids.uuid7(),
            session_id=one.session_id,
            source=self._source,
            actor=ACTOR,
            actor_name=NAME,
            causation_id=one.cause or "",
        )
        try:
            stored = await publish(
                self._bus.js,
                subjects.event(one.session_id),
                encode(envelope),
                msg_id=subjects.service_msg_id(NAME, envelope.id),
                expected_seq=await self._expected(one),
            )
        except Moved:
            return False
        return not stored.duplicate

    async def _erase(self, one: Due) -> bool:
        days = self._after_s["erase_deleted"] / DAY_S
        order = {"session_id": one.session_id, "everything": True, "expected_seq": await self._expected(one)}
        order |= {"by": ACTOR, "reason": f"deleted for more than {days:g} days"}
        try:
            answer = await self._queries.ask("history", "erase", order, ERASE_S)
        except errors.Refused as refused:  # it has moved on, or something is being written
            log.warning("not_erased", session_id=one.session_id, cause=str(refused))
            return False
        return bool(answer["events"])

    async def _expected(self, one: Due) -> int:
        """The session's last position as the stream counts: 0 if its events have gone from there."""
        info = await self._bus.js.stream_info(subjects.EVENTS)
        return one.seq if one.seq >= info.state.first_seq else 0
