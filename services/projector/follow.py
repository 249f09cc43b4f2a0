"""Following the log into the read models: what the active instance does."""

import asyncio
from contextlib import suppress

import nats.errors
import orjson
from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncEngine

from services.projector import live, metrics, rebuild, store
from services.projector.progress import Progress
from services.projector.projection import Projection
from services.projector.settings import ProjectorSettings
from services.projector.telling import Telling
from shared import subjects
from shared.bus.connection import Bus
from shared.leader import Standing, first_of

LOOK_S = 2.0  # a notice can be lost: then the log is looked at after this long


class Follower:
    """Folds what the log has, and then what comes."""

    def __init__(
        self, bus: Bus, pool: AsyncEngine, settings: ProjectorSettings, standing: Standing, progress: Progress
    ) -> None:
        self._bus = bus
        self._pool = pool
        self._page_events = settings.page_events
        self._standing = standing
        self._progress = progress
        self._appended = asyncio.Event()
        self._log_seq = 0

    async def subscribe(self) -> None:
        """Afterwards this instance hears of what was appended, and of what another instance has applied."""
        await self._bus.client.subscribe(subjects.LOG_APPENDED, cb=self._on_appended)
        await self._bus.client.subscribe(subjects.PROJECTED, cb=self._on_projected)

    async def _on_appended(self, message: Msg) -> None:
        self._log_seq = int(orjson.loads(message.data)["seq"])
        self._appended.set()

    async def _on_projected(self, message: Msg) -> None:
        if self._standing.role != "active":
            self._progress.reached(int(orjson.loads(message.data)["seq"]))

    async def run(self) -> None:
        """Goes on for ever.

        Raises:
            StandStill: the log is not what it was; a person has to do something.
            Exception: the database is away; run it again.
        """
        while True:
            schema = await rebuild.ensure(self._pool, self._page_events, _tell)
            with live.until_replaced():
                await self._follow(Projection(store.in_schema(self._pool, schema), schema))

    async def _follow(self, projection: Projection) -> None:
        telling = Telling(self._bus.client, projection.engine)
        await first_of(self._fold_all(projection, telling), telling.run())

    async def _fold_all(self, projection: Projection, telling: Telling) -> None:
        while True:
            await self._progress.pace.turn()
            self._appended.clear()
            with metrics.FOLD_SECONDS.time():
                folded = await projection.fold(self._page_events)
            self._standing.works()
            self._progress.reached(folded.seq)
            metrics.FOLDED.inc(folded.events)
            metrics.APPLIED_SEQ.set(folded.seq)
            metrics.LAG_EVENTS.set(max(folded.behind, self._log_seq - folded.seq))
            metrics.LAG_SECONDS.set(folded.late_s)
            if folded.events:
                telling.note(folded)
                with suppress(nats.errors.Error):
                    await self._bus.client.publish(subjects.PROJECTED, orjson.dumps({"seq": folded.seq}))
            if folded.events == self._page_events:
                self._progress.pace.hurry()
            elif folded.seq >= self._log_seq:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._appended.wait(), LOOK_S)


def _tell(seq: int, goal: int) -> None:
    """How far new tables are filled."""
    metrics.APPLIED_SEQ.set(seq)
    metrics.LAG_EVENTS.set(goal - seq)
