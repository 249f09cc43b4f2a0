"""Following EVENTS into the log: what the active instance does."""

import asyncio

import asyncpg
import nats.errors
import orjson
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError, NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import continuing, holes, metrics, stream
from services.history import log as event_log
from services.history.chain import Anchor
from services.history.entry import Entry, from_message
from services.history.erasing.carrying import Carrier
from services.history.errors import Hole, StreamMissing
from services.history.log import Appended
from services.history.sealing import Sealer
from services.history.settings import HistorySettings
from services.history.trimming import Trimmer
from shared import db, subjects
from shared.bus.connection import Bus
from shared.bus.rounds import Rounds
from shared.leader import Standing, first_of
from shared.logging import get_logger
from shared.pace import Pace

log = get_logger("follow")

APART_S = 0.03  # between transactions while there is traffic: what comes meanwhile goes into one
STREAM_CHECK_S = 5.0


class Follower:
    """Appends what comes on EVENTS, from the head of the log on."""

    def __init__(
        self, bus: Bus, engine: AsyncEngine, settings: HistorySettings, standing: Standing, sealer: Sealer
    ) -> None:
        self._bus = bus
        self._engine = engine
        self._settings = settings
        self._standing = standing
        self._sealer = sealer
        self._carrier = Carrier(bus, engine)
        self._trimmer = Trimmer(bus, engine, settings.hot_days)
        self._epoch = ""
        self._at = Anchor()  # where the log ends, as far as this process knows

    async def run(self) -> None:
        """Goes on for ever.

        Raises:
            StandStill: stream and log do not fit together; a person has to do something.
            Exception: the database or the bus is away; run it again.
        """
        self._epoch = (await event_log.head(self._engine)).epoch
        rounds = Rounds(self._bus, subjects.EVENTS, self._consumer, self._settings.batch_events)
        try:
            await rounds.start()
            self._standing.works()
            beside = (self._sealer.run(), self._carrier.run(), self._trimmer.run())
            async with db.autocommit(self._engine) as raw:
                await first_of(self._append_all(rounds, raw), self._watch_stream(), *beside)
        finally:
            await rounds.stop()

    async def _consumer(self) -> ConsumerConfig:
        """Each time the consumer is made: does the stream still continue the log, and where?"""
        head = await event_log.head(self._engine)
        info = await stream.ensure(self._bus, head, self._settings.replicas, self._settings.events_max_bytes)
        self._at = Anchor(head.seq, head.hash)
        metrics.HEAD_SEQ.set(head.seq)
        metrics.LAG_EVENTS.set(info.state.last_seq - head.seq)
        log.info("following", after_seq=head.seq, stream_seq=info.state.last_seq)
        if info.state.messages and info.state.first_seq > head.seq + 1:  # erased, trimmed too early, or lost
            missing = await holes.fetch(self._bus, head.seq + 1, info.state.first_seq - 1)
            await self._appended(await self._append_whole(missing))
            return stream.consumer_after(info.state.first_seq - 1)
        return stream.consumer_after(head.seq)

    async def _append_all(self, rounds: Rounds, raw: "asyncpg.connection.Connection[asyncpg.Record]") -> None:
        pace = Pace(APART_S)
        while True:
            messages = await rounds.next()
            pending = messages[-1].pending
            entries = [from_message(message) for message in messages]
            with metrics.APPEND_SECONDS.time():
                appended = await continuing.append(raw, self._epoch, self._at, entries)
                appended = appended or await self._append_whole(entries)
            await self._appended(appended)
            metrics.LAG_EVENTS.set(pending)
            if len(messages) == self._settings.batch_events:
                pace.hurry()
            await pace.turn()

    async def _append_whole(self, entries: list[Entry]) -> Appended:
        try:
            return await event_log.append(self._engine, self._epoch, entries)
        except Hole as hole:
            log.warning("hole_met", first=hole.first, last=hole.last)
            missing = await self._fetched(hole, entries)
            known = {entry.seq: entry for entry in (*missing, *entries)}
            return await event_log.append(self._engine, self._epoch, [known[seq] for seq in sorted(known)])

    async def _fetched(self, hole: Hole, entries: list[Entry]) -> list[Entry]:
        try:
            return await holes.fetch(self._bus, hole.first, hole.last)
        except Hole:
            whole = [entry for entry in entries if entry.seq < hole.first]
            await self._appended(await event_log.append(self._engine, self._epoch, whole))
            raise

    async def _appended(self, appended: Appended) -> None:
        self._standing.works()
        self._at = appended.at
        if appended.erasures:
            self._carrier.wake()
        metrics.APPENDED.inc(appended.events)
        metrics.MALFORMED.inc(appended.malformed)
        metrics.DUPLICATES.inc(appended.duplicates)
        metrics.BATCH_EVENTS.observe(appended.events)
        metrics.HEAD_SEQ.set(appended.seq)
        if appended.malformed or appended.duplicates:
            log.warning(
                "odd_events_appended",
                upto_seq=appended.seq,
                malformed=appended.malformed,
                duplicates=appended.duplicates,
            )
        try:
            notice = orjson.dumps({"seq": appended.seq, "epoch": self._epoch})
            await self._bus.client.publish(subjects.LOG_APPENDED, notice)
        except nats.errors.Error as error:  # only a notice: its readers look by themselves now and then
            log.warning("notice_not_sent", error=repr(error))

    async def _watch_stream(self) -> None:
        """A stream that was removed, or made again under our feet, shows in nothing that is delivered."""
        while True:
            await asyncio.sleep(STREAM_CHECK_S)
            head = await event_log.head(self._engine)
            try:
                info = await self._bus.js.stream_info(subjects.EVENTS)
            except NotFoundError:
                raise StreamMissing(head.seq) from None
            except (APIError, nats.errors.Error):
                continue  # the bus is away; the puller waits for it
            stream.check(info, head)
