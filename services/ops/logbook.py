"""Reading the log from its database, for commands: positions and times, pages, one event after another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.history.errors import SchemaMissing
from services.history.log import read_head
from services.history.pages import Pages, Read
from services.ops import errors
from shared import db, transcript
from shared.settings import DatabaseSettings

PAGE_EVENTS = 1000
_TIME_AT = "SELECT stream_time_ns FROM log.events WHERE seq = :seq"


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncEngine]:
    """The database of the log.

    Raises:
        LogUnreadable: it is not there, or is not what it should be; with the sentence about it.
    """
    try:
        async with db.engine(DatabaseSettings(database_url=url, instance="ops", statement_timeout_s=60)) as engine:
            yield engine
    except (SchemaMissing, SQLAlchemyError, OSError) as error:
        raise errors.LogUnreadable(reason=errors.sentence(error)) from error


def pages(engine: AsyncEngine, session_id: str | None) -> transcript.Pages:
    """The pages of one session, or of all, by the position before them."""
    source = Pages(engine)

    async def page(after: int) -> dict[str, Any]:
        answer = await source.read(Read(session_id=session_id, after=after, limit=PAGE_EVENTS))
        found: dict[str, Any] = orjson.loads(answer)["ok"]
        return found

    return page


async def rows(engine: AsyncEngine, session_id: str | None, after: int, until: int) -> AsyncIterator[dict[str, Any]]:
    """The rows of `query.history.read` behind `after` up to `until`, in order."""
    page, here = pages(engine, session_id), after
    while True:
        found = await page(here)
        for row in found["events"]:
            if row["seq"] > until:
                return
            yield row
        if found["next"] is None:
            return
        here = found["next"]


async def head(engine: AsyncEngine) -> int:
    """The last position."""
    async with engine.connect() as connection:
        return (await read_head(connection)).seq


async def position(engine: AsyncEngine, at: str | None) -> int:
    """The position that is meant: a number, the last one up to a time (RFC 3339), or the last one of all.

    Raises:
        BadPosition: it is none of these, or beyond the end.
    """
    async with engine.connect() as connection:
        last = (await read_head(connection)).seq
        if at is None:
            return last
        if at.isascii() and at.isdigit():
            if int(at) > last:
                raise errors.BadPosition(text=at, reason=f"the log ends at {last}")
            return int(at)
        return await _at_time(connection, _nanoseconds(at), last)


def _nanoseconds(at: str) -> int:
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise errors.BadPosition(text=at, reason="it is no number and no time") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 10**6) * 1000 + 999


async def _at_time(connection: AsyncConnection, time_ns: int, last: int) -> int:
    """Positions are in the order of time, and dense but for what an order let pass: halving finds the place."""
    low, high = 0, last
    while low < high:
        middle = (low + high + 1) // 2
        found = (await connection.execute(text(_TIME_AT), {"seq": middle})).scalar_one_or_none()
        if found is not None and found <= time_ns:
            low = middle
        else:
            high = middle - 1
    return low
