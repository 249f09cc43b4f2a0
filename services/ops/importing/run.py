"""One import from beginning to end. Doing it again changes nothing; broken off, it is started again."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from services.ops.importing import target
from services.ops.importing.events import Maker
from services.ops.importing.old import Broken, OldSession, Source
from services.ops.importing.report import Report
from shared.bus.connection import Bus
from shared.events import Envelope, MessagePosted

AT_ONCE = 16  # sessions


class Import:
    """Brings one source over."""

    def __init__(self, bus: Bus, engine: AsyncEngine, source: Source, name: str, dry_run: bool) -> None:
        self.report = Report(name, dry_run)
        self._bus = bus
        self._engine = engine
        self._source = source
        self._session_ids: list[str] = []

    async def run(self, told: Callable[[int], None]) -> Report:
        """Everything that could be taken is on the bus and in the log, and was compared. `told`: messages so far.

        Raises:
            BadImport: the bus or history is away.
        """
        await target.caught_up(self._bus, self._engine)
        waiting: set[asyncio.Task[None]] = set()
        async for session in self._source.sessions():
            if isinstance(session, Broken):
                self.report.broken.append(session)
                continue
            self.report.sessions += 1
            waiting.add(asyncio.create_task(self._session(session)))
            if len(waiting) >= AT_ONCE:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                told(self.report.of_source.messages)
        await asyncio.gather(*waiting)
        if not self.report.dry_run:
            await self._compare()
        return self.report

    async def _session(self, session: OldSession) -> None:
        maker = Maker(self.report.source, session)
        known = await target.known(self._engine, maker.session_id)
        opening = list(maker.opening())
        if known and isinstance(opening[0], Envelope) and known[0] != opening[0].id:
            self.report.broken.append(Broken("sessions", session.key, "a session of this id is here already"))
            return
        self._session_ids.append(maker.session_id)
        self.report.switches += len(session.switches)
        lane, there = target.Lane(self._bus, maker.session_id), set(known)
        async for envelope in self._events(session, maker, opening):
            if envelope.type == MessagePosted.TYPE:
                self.report.of_source.add(maker.session_id, target.as_recorded(envelope))
            if envelope.id in there:
                self.report.known_events += 1
                continue
            self.report.new_events += 1
            if not self.report.dry_run:
                await lane.add(envelope)
        await lane.flush()

    async def _events(
        self, session: OldSession, maker: Maker, opening: list[Envelope | Broken]
    ) -> AsyncIterator[Envelope]:
        """The session's events: what it opened with, then messages and hand-overs by time, then what became of it."""
        for made in opening:
            if isinstance(made, Envelope):
                yield made
            else:
                self.report.broken.append(made)
        switches = [(switch.at, number) for number, switch in enumerate(session.switches)]
        heapq.heapify(switches)
        last = session.at
        async for old in self._source.messages(session):
            if isinstance(old, Broken):
                self.report.broken.append(old)
                continue
            if isinstance(made := maker.message(old), Broken):
                self.report.broken.append(made)
                continue
            while switches and switches[0][0] <= old.at:
                yield maker.switch(session.switches[heapq.heappop(switches)[1]])
            last = max(last, old.at)
            yield made
        while switches:
            at, number = heapq.heappop(switches)
            last = max(last, at)
            yield maker.switch(session.switches[number])
        for made in maker.closing(last):
            yield made

    async def _compare(self) -> None:
        until = await target.caught_up(self._bus, self._engine)
        for session_id in self._session_ids:
            async for said in target.messages(self._engine, session_id, self.report.source, until):
                self.report.of_log.add(session_id, said)
