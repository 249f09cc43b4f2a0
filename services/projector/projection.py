"""One page of the log into the tables: rows and checkpoint in one transaction, order checked, poison parked."""

import gc
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.projector import live, rowset, schemas, source, store
from services.projector.quick import Quick
from services.projector.source import Logged
from services.projector.store import Checkpoint
from shared import db
from shared.events import (
    ContentErased,
    MalformedEventError,
    ParticipantLeft,
    ParticipantRemoved,
    ReceiptRead,
    Recorded,
    decode,
)
from shared.fold.change import Change
from shared.fold.changes import SUMMARY_EVENTS, changes
from shared.fold.folding import Poison
from shared.leader import StandStill
from shared.logging import get_logger

log = get_logger("projection")

END = 2**62
STALE_S = 60  # nobody is told of a change older than this: a rebuild is quiet


class LogBehind(StandStill):
    """The log ends before the read models, as after a restore from a backup; run `antiphon rebuild`"""


@dataclass(frozen=True, slots=True)
class Folded:
    """What one page came to. `changed`: the sessions that look different in their participants' lists, each with the
    position of its last change. `told`: who else is to be told of which session, having left it, or read it.
    """

    seq: int
    events: int
    behind: int = 0  # events in the log that are not folded yet
    late_s: float = 0.0  # how old the last one folded is, as long as there are more
    changed: dict[str, int] = field(default_factory=dict)
    told: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Step:
    recorded: Recorded
    changes: list[Change]


class PoisonAt(Exception):
    """A session has an event that can't be folded."""

    def __init__(self, session_id: str, seq: int, reason: str) -> None:
        self.session_id, self.seq, self.reason = session_id, seq, reason
        super().__init__(reason)


class Projection:
    """Folds the log into the read models that `engine` means. With `live_schema`, only while that one is live."""

    def __init__(self, engine: AsyncEngine, live_schema: str | None = None) -> None:
        self.engine = engine
        self._live_schema = live_schema

    async def fold(self, limit: int, up_to: int = END) -> Folded:
        """Afterwards the next page, up to `limit` events, is in the tables, with the checkpoint. None left: 0 events.

        Nothing behind the position `up_to` is folded.

        A session with an event that can't be folded is parked there and passed over from that event on. An erasure in
        it takes its rows away: which of them hold the words can't be told without folding.

        Raises:
            Hole, LogBehind: the log is not what the checkpoint needs.
            NotLive: the schema was the live one and is no more. Nothing was folded.
        """
        while True:
            try:
                return await self._fold(limit, up_to)
            except PoisonAt as poison:
                await self._park(poison.session_id, poison.seq, poison.reason)
            except DBAPIError as error:
                if not is_about_data(error):
                    raise
                if limit == 1:
                    await self._park_next(str(error.orig))
                limit = max(1, limit // 2)  # less and less, until the one that the database refuses is alone

    async def _fold(self, limit: int, up_to: int) -> Folded:
        async with db.transaction(self.engine) as connection:
            at = await store.checkpoint(connection, lock=True)
            quick = await Quick.of(connection)
            if self._live_schema is not None:
                await live.require(quick, self._live_schema)
            events = await source.page(quick, at.seq, max(0, min(limit, up_to - at.seq)))
            if not events:
                _, head_seq = await source.head(connection)
                if head_seq < at.seq:
                    raise LogBehind(f"the log ends at {head_seq}, the read models at {at.seq}")
                return Folded(at.seq, 0)
            parked = await store.parked_sessions(quick)
            steps = await fold_into(connection, events, parked)
            if emptied := {event.session_id for event in events if _erases_parked(event, parked)}:
                await store.empty_parked(connection, emptied)
            erases = emptied or any(isinstance(step.recorded.event, ContentErased) for step in steps)
            if self._live_schema is not None and erases:
                log.info("kept_tables_dropped", schemas=await schemas.forget(connection))
            await store.move_checkpoint(quick, Checkpoint(events[-1].epoch, events[-1].seq))
            last = events[-1].seq
            head_seq = (await source.head(connection))[1] if len(events) == limit else last
        return _folded(steps, events, head_seq - last)

    async def _park_next(self, reason: str) -> None:
        async with self.engine.connect() as connection:
            at = await store.checkpoint(connection)
            events = await source.page(await Quick.of(connection), at.seq, 1)
        await self._park(events[0].session_id, events[0].seq, reason)

    async def _park(self, session_id: str, seq: int, reason: str) -> None:
        log.error("session_parked", session_id=session_id, seq=seq, reason=reason)
        await store.park(self.engine, session_id, seq, reason)


async def fold_into(connection: AsyncConnection, events: list[Logged], parked: Mapping[str, int]) -> list[_Step]:
    """The events are in the rows, once the transaction is; those of a session in `parked` only before that position.

    Raises:
        PoisonAt: one of them can't be folded.
    """
    with _no_collection():
        steps = [step for event in events if (step := _step(event, parked))]
        rows = await rowset.load(connection, (change for step in steps for change in step.changes))
        for step in steps:
            try:
                for change in step.changes:
                    rows.apply(change)
            except Poison as poison:
                raise PoisonAt(step.recorded.envelope.subject, step.recorded.seq, str(poison)) from poison
        await rowset.write(connection, rows)
    return steps


@contextmanager
def _no_collection() -> Iterator[None]:
    """A page makes tens of thousands of objects and no cycles: looking for those takes a third of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _folded(steps: list[_Step], events: list[Logged], behind: int) -> Folded:
    age_s = time.time() - events[-1].time_ns / 10**9
    folded = Folded(events[-1].seq, len(events), behind, max(0.0, age_s) if behind else 0.0)
    if age_s > STALE_S:
        return folded
    for step in steps:
        event, seq, session_id = step.recorded.event, step.recorded.seq, step.recorded.envelope.subject
        if isinstance(event, SUMMARY_EVENTS):
            folded.changed[session_id] = seq
        if isinstance(event, ParticipantLeft | ParticipantRemoved | ReceiptRead):
            folded.told[event.user, session_id] = seq
    return folded


def is_about_data(error: DBAPIError) -> bool:
    """Whether the database refused a value, and not the work. Source: PostgreSQL, appendix A, classes 22 and 23."""
    return str(getattr(error.orig, "sqlstate", None) or "")[:2] in ("22", "23")


def _step(event: Logged, parked: Mapping[str, int]) -> _Step | None:
    """Nothing for what is not folded: second copies, what is no event, and where a session is parked and after."""
    if event.is_passed_over or event.body is None or event.seq >= parked.get(event.session_id, END):
        return None
    try:
        recorded = decode(event.seq, event.body)
    except MalformedEventError as error:
        raise PoisonAt(event.session_id, event.seq, str(error)) from error
    return _Step(recorded, changes(recorded))


def _erases_parked(event: Logged, parked: Mapping[str, int]) -> bool:
    """Whether it is an erasure in a session that is parked there or before."""
    if event.is_passed_over or event.body is None or event.seq < parked.get(event.session_id, END):
        return False
    try:
        return isinstance(decode(event.seq, event.body).event, ContentErased)
    except MalformedEventError:
        return False
