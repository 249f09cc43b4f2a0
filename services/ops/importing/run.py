"""One import from beginning to end. Doing it again changes nothing; broken off, it is started again."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing

from sqlalchemy.ext.asyncio import AsyncEngine

from services.ops.importing import target
from services.ops.importing.differing import differences
from services.ops.importing.events import Made, Maker
from services.ops.importing.old import Broken, OldSession, OldSwitch, Source
from services.ops.importing.report import Report
from shared.bus.connection import Bus

AT_ONCE = 16  # sessions
COMPARED_AT_ONCE = 100  # sessions, one after another in one reading

Told = Callable[[str, int, int | None], None]  # at what, how many messages, of how many


class Import:
    """Brings one source over."""

    def __init__(self, bus: Bus, engine: AsyncEngine, source: Source, name: str, dry_run: bool) -> None:
        self.report = Report(name, dry_run)
        self._bus = bus
        self._engine = engine
        self._source = source
        self._session_ids: list[str] = []
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self, told: Told) -> Report:
        """Everything that could be taken is on the bus and in the log, and was compared. `told` is called now and then.

        Raises:
            BadImport: the bus or history is away.
        """
        await target.caught_up(self._bus, self._engine)
        total = await self._source.count()
        try:
            async with asyncio.TaskGroup() as group, aclosing(self._source.sessions()) as sessions:
                async for session in sessions:
                    if isinstance(session, Broken):
                        self.report.broken.append(session)
                        continue
                    await self._room.acquire()
                    group.create_task(self._session(session, lambda: self._so_far(told, total)))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        async for stray in self._source.strays():
            self.report.broken.append(stray)
        if not self.report.dry_run:
            await self._compare(told)
        return self.report

    def _so_far(self, told: Told, total: int | None) -> None:
        told("importing", self.report.of_source.messages, total)

    async def _session(self, session: OldSession, told: Callable[[], None]) -> None:
        try:
            self.report.sessions += 1
            maker = Maker(self.report.source, session)
            known = await target.known(self._engine, maker.session_id)
            opening = list(maker.opening())
            if known and isinstance(opening[0], Made) and next(iter(known)) != opening[0].id:
                self.report.broken.append(Broken("sessions", session.key, "a session of this id is here already"))
                return
            self._session_ids.append(maker.session_id)
            lane, last = target.Lane(self._bus, maker.session_id), None
            async for made in self._events(session, maker, opening):
                if made.said is not None:
                    self.report.of_source.add(maker.session_id, made.said)
                    last = made
                if await self._bring(made, known, lane):
                    told()
            await lane.flush()
            if last and (read := maker.read(last, lane.last_seq or max(known.values(), default=1))):
                await self._bring(read, known, lane)
                await lane.flush()
            told()
        finally:
            self._room.release()

    async def _bring(self, made: Made, known: Mapping[str, int], lane: target.Lane) -> bool:
        """The event is on its way, unless it is here. Whether a batch was sent."""
        if made.id in known:
            self.report.known_events += 1
            return False
        self.report.new_events += 1
        return not self.report.dry_run and await lane.add(made)

    async def _events(self, session: OldSession, maker: Maker, opening: Iterable[Made | Broken]) -> AsyncIterator[Made]:
        """The session's events: what it opened with, then messages and hand-overs by time, then what became of it."""
        for one in opening:
            if (made := self._taken(one)) is not None:
                yield made
        switches, last = deque(sorted(session.switches, key=lambda switch: switch.at)), session.at
        async with aclosing(self._source.messages(session)) as messages:
            async for old in messages:
                made = self._taken(old if isinstance(old, Broken) else maker.message(old))
                if made is None or isinstance(old, Broken):
                    continue
                if made.changed:
                    self.report.changed.append(Broken("messages", old.key, made.changed))
                while switches and switches[0].at <= old.at:
                    if (switched := self._switched(maker, switches.popleft())) is not None:
                        yield switched
                last = max(last, old.at)
                yield made
        for switch in switches:
            last = max(last, switch.at)
            if (switched := self._switched(maker, switch)) is not None:
                yield switched
        for made in maker.closing(last):
            yield made

    def _switched(self, maker: Maker, switch: OldSwitch) -> Made | None:
        made = self._taken(maker.switch(switch))
        self.report.switches += made is not None
        return made

    def _taken(self, one: Made | Broken) -> Made | None:
        if isinstance(one, Broken):
            self.report.broken.append(one)
            return None
        return one

    async def _compare(self, told: Told) -> None:
        report = self.report
        until = await target.caught_up(self._bus, self._engine)
        for first in range(0, len(self._session_ids), COMPARED_AT_ONCE):
            some = self._session_ids[first : first + COMPARED_AT_ONCE]
            async for session_id, _, said in target.messages(self._engine, some, report.source, until):
                if said is not None:
                    report.of_log.add(session_id, said)
            told("comparing", report.of_log.messages, report.of_source.messages)
        if differing := set(report.of_source.differing(report.of_log)):
            async with aclosing(differences(self._source, report.source, self._engine, differing, until)) as found:
                report.differences = [one async for one in found]
