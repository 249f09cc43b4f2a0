"""The short way into the log leaves what the whole way leaves, or nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import continuing, log, sql
from services.history.chain import Anchor
from services.history.entry import Entry
from shared import db
from shared.events import ContentErased, encode
from shared.settings import DatabaseSettings
from tests.support.conversation import envelope, posted
from tests.support.eventually import eventually
from tests.support.logs import reaches

ROWS = f"SELECT {', '.join(sql.COLUMNS)} FROM log.events ORDER BY seq"


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[tuple[AsyncEngine, str, Anchor]]:
    async with db.engine(DatabaseSettings(database_url=database_url, pool_size=1, pool_overflow=0)) as engine:
        head = await log.head(engine)
        yield engine, head.epoch, Anchor(head.seq, head.hash)


def entries(*bodies: bytes, after: int = 0) -> list[Entry]:
    return [Entry(seq, seq * 10**9, "event.s1", body) for seq, body in enumerate(bodies, after + 1)]


def said(count: int) -> list[bytes]:
    return [encode(posted("s1", f"message {n}")) for n in range(count)]


async def rows(engine: AsyncEngine) -> list[tuple[object, ...]]:
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(ROWS))]


async def waits(engine: AsyncEngine) -> bool:
    """Whether somebody waits for a lock in this database."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with engine.connect() as connection:
        return bool((await connection.execute(text(query))).scalar_one())


async def test_both_ways_leave_the_same_rows(database_url: str) -> None:
    one, two, three, four = said(4)
    async with opened(database_url) as (engine, epoch, _start), db.autocommit(engine) as raw:
        first = entries(one, b"no event", two)
        at = (await log.append(engine, epoch, first)).at
        second = entries(three, one, b"\xff", three, four, four, after=3)
        short = await continuing.append(raw, epoch, at, second)
        assert short is not None
        assert (short.seq, short.events, short.malformed, short.duplicates) == (9, 6, 1, 3)
        await reaches(engine, 9)
        by_the_short_way = await rows(engine)
        assert [row[sql.COLUMNS.index("duplicate_of")] for row in by_the_short_way[3:]] == [None, 1, None, 4, None, 8]
        async with db.transaction(engine) as connection:
            for table in ("log.events", "log.head"):
                await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            await connection.execute(text("DELETE FROM log.events WHERE seq > 3"))
            await connection.execute(text("UPDATE log.head SET seq = 3, hash = :hash"), {"hash": at.hash})
        whole = await log.append(engine, epoch, second)
        assert whole == short
        assert await rows(engine) == by_the_short_way


@pytest.mark.parametrize(
    "case", ["another head", "another hash", "another epoch", "a hole", "known already", "an erasure", "too many"]
)
async def test_what_is_not_plain_is_left_to_the_whole_way(database_url: str, case: str) -> None:
    erasure = encode(envelope("s1", ContentErased(reason="asked", seqs=[1])))
    async with opened(database_url) as (engine, epoch, _start), db.autocommit(engine) as raw:
        at = (await log.append(engine, epoch, entries(*said(3)))).at
        plain = entries(*said(2), after=3)
        given = {
            "another head": (epoch, Anchor(4, at.hash), entries(*said(2), after=4)),
            "another hash": (epoch, Anchor(3, b"\0" * 32), plain),
            "another epoch": ("another", at, plain),
            "a hole": (epoch, at, [plain[1]]),
            "known already": (epoch, at, entries(*said(3), after=2)),
            "an erasure": (epoch, at, entries(erasure, after=3)),
            "too many": (epoch, at, entries(*said(continuing.MOST + 1), after=3)),
        }[case]
        assert await continuing.append(raw, *given) is None
        await reaches(engine, 3)
        assert len(await rows(engine)) == 3
        assert await continuing.append(raw, epoch, at, plain) is not None
        await reaches(engine, 5)


async def test_who_waits_for_another_writer_looks_again(database_url: str) -> None:
    settings = DatabaseSettings(database_url=database_url)
    async with opened(database_url) as (engine, epoch, start), db.autocommit(engine) as raw:
        async with db.engine(settings) as other, db.transaction(other) as connection:
            await connection.execute(text(sql.LOCK_HEAD))
            late = asyncio.create_task(continuing.append(raw, epoch, start, entries(*said(3))))
            await eventually(lambda: waits(other))
            driver = await db.driver(connection)
            await driver.execute(sql.MOVE_HEAD, 7, b"\1" * 32)
        assert await late is None
        assert await rows(engine) == []


async def test_a_round_that_the_database_refuses_leaves_nothing(database_url: str) -> None:
    async with opened(database_url) as (engine, epoch, start), db.autocommit(engine) as raw:
        async with db.transaction(engine) as connection:
            limit = "ALTER TABLE log.events ADD CONSTRAINT few CHECK (seq < 3)"
            await connection.execute(text(limit))
        with pytest.raises(Exception, match="few"):
            await continuing.append(raw, epoch, start, entries(*said(3)))
        assert (await log.head(engine)).seq == 0, "the head has not moved either"
        assert (await continuing.append(raw, epoch, start, entries(*said(2)))) is not None
        await reaches(engine, 2)
