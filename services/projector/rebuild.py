"""Filling tables beside the live ones from the log, comparing both, and putting them in their place.

Each step can be stopped at any moment and begun again: what was filled has a checkpoint of its own, and the pointer
moves in one transaction.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.projector import live, schemas, source, store
from services.projector.comparing import Compared, compare
from services.projector.projection import Projection
from shared import db, errors
from shared.tasks import background

LOCK_KEY = 0x616E7469_00000006

Progress = Callable[[int, int], None]  # how far it is, and how far it is going


class AlreadyRunning(errors.Temporary):
    """Another rebuild or verification is running"""


class LiveIsAhead(errors.Refused):
    """The live tables hold more than the log, so they can't be compared with it"""


class Rebuild:
    """Work on the schemas of one database, while this process is the only one that does any."""

    def __init__(self, pool: AsyncEngine, page_events: int, progress: Progress) -> None:
        self._pool = pool
        self._page_events = page_events
        self._progress = progress

    async def candidate(self) -> str:
        """The schema that is being filled: the one where an earlier rebuild stopped, else a new one."""
        async with db.transaction(self._pool) as connection:
            await live.lock_and_create(connection)
            found = await schemas.find(connection, "candidate")
        return found or await schemas.add(self._pool, "candidate")

    async def position(self, schema: str) -> int:
        """How far `schema` is filled."""
        async with self._pool.connect() as connection:
            await live.point(connection, schema)
            return (await store.checkpoint(connection)).seq

    async def fill(self, schema: str, to_head: bool = False) -> int:
        """Afterwards `schema` is about as far as the live one; with `to_head`, as far as the log. Returns its position.

        Raises:
            Hole, LogBehind, LogMissing: the log is not what it should be.
        """
        projection = Projection(store.in_schema(self._pool, schema))
        while True:
            goal = await self._goal(to_head)
            folded = await projection.fold(self._page_events, up_to=goal)
            self._progress(folded.seq, goal)
            if folded.seq >= goal or not folded.events:  # a page is short also behind a row that was refused
                return folded.seq

    async def _goal(self, to_head: bool) -> int:
        async with self._pool.connect() as connection:
            baseline = None if to_head else await schemas.baseline(connection)
        return await self.log_seq() if baseline is None else await self.position(baseline)

    async def log_seq(self) -> int:
        """How far the log reaches.

        Raises:
            LogMissing: nobody has migrated the database.
        """
        async with self._pool.connect() as connection:
            try:
                _, head_seq = await source.head(connection)
            except ProgrammingError as error:
                raise source.LogMissing(str(error.orig)) from error
        return head_seq

    async def compare(self, schema: str, first: int) -> list[Compared]:
        """What `schema`, filled before, and the live tables hold at the same position. Nothing, if nothing is live.

        Raises:
            LiveIsAhead: the log ends before the live tables.
        """
        async with db.transaction(self._pool) as connection:
            baseline = await schemas.baseline(connection)
        if baseline is None:
            return []
        async with self._aligned(baseline, schema) as connection:
            return await compare(connection, baseline, schema, first)

    @asynccontextmanager
    async def _aligned(self, baseline: str, schema: str) -> AsyncIterator[AsyncConnection]:
        """A snapshot in which both are at one position. The live fold is held up only until it is taken."""
        async with db.snapshot(self._pool) as connection:
            async with self._held(baseline) as position:
                if await self._catch_up(schema, position) < position:
                    raise LiveIsAhead(f"the live ones are at {position}")
                await connection.execute(text("SET LOCAL statement_timeout = 0"))
                await schemas.baseline(connection)  # the first statement takes the snapshot
            yield connection

    @asynccontextmanager
    async def _held(self, schema: str) -> AsyncIterator[int]:
        async with db.transaction(self._pool) as connection:
            await live.point(connection, schema)
            yield (await store.checkpoint(connection, lock=True)).seq

    async def _catch_up(self, schema: str, position: int) -> int:
        projection = Projection(store.in_schema(self._pool, schema))
        while (folded := await projection.fold(self._page_events, up_to=position)).events:
            pass
        return folded.seq

    async def switch(self, schema: str) -> str | None:
        """`schema` is live, not behind what was live until now, which is kept: its name. Queries see one or the other.

        Raises:
            Gone: it was dropped meanwhile.
        """
        async with db.transaction(self._pool) as connection:
            now = await live.find(connection)
            if now is not None:
                await live.point(connection, now)
                at = await store.checkpoint(connection, lock=True)
                await self._catch_up(schema, at.seq)
            await schemas.swap(connection, schema)
            return now


async def ensure(pool: AsyncEngine, page_events: int, progress: Progress) -> str:
    """The live schema. If this release has none, it is filled from the log first: until then every query is refused as
    temporary, instead of answered from tables that lack most of what was said.

    Raises:
        LogMissing: nobody has migrated the database.
    """
    async with db.transaction(pool) as connection:
        await live.lock_and_create(connection)
        found = await live.find(connection)
    if found is None:
        work = Rebuild(pool, page_events, progress)
        if await work.log_seq():
            candidate = await work.candidate()
            await work.fill(candidate, to_head=True)
            await work.switch(candidate)
    return await live.ensure(pool)


@asynccontextmanager
async def alone(database_url: str) -> AsyncIterator[None]:
    """No other process rebuilds or verifies meanwhile. If this one is frozen or cut off, it loses that right and ends.

    Raises:
        AlreadyRunning: one does.
    """
    async with db.session_lock(database_url, LOCK_KEY, "rebuild") as lock:
        if not await lock.take():
            raise AlreadyRunning
        async with background(lock.keep()):
            yield
