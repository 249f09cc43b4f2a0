"""The log, read by position."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import errors
from shared.leader import StandStill

_PAGE: Final = """
SELECT seq, epoch, session_id, stream_time_ns, body, duplicate_of, malformed FROM log.events
WHERE seq > :after ORDER BY seq LIMIT :limit
"""
_HEAD: Final = "SELECT epoch, seq FROM log.head"


class Hole(StandStill):
    """The log lacks positions; run `antiphon audit verify`"""


class LogMissing(errors.Temporary):
    """The database has no schema `log`; run `antiphon migrate`"""


@dataclass(frozen=True, slots=True)
class Logged:
    """An event as the log holds it. `body` is None once erased."""

    seq: int
    epoch: str
    session_id: str
    time_ns: int
    body: bytes | None
    duplicate_of: int | None
    malformed: bool


async def page(connection: AsyncConnection, after: int, limit: int) -> list[Logged]:
    """The next events, dense from `after` + 1 on; empty at the head.

    Raises:
        Hole: they are not dense.
    """
    try:
        found = (await connection.execute(text(_PAGE), {"after": after, "limit": limit})).all()
    except ProgrammingError as error:
        raise LogMissing(str(error.orig)) from error
    logged = [Logged(*row) for row in found]
    for expected, event in enumerate(logged, start=after + 1):
        if event.seq != expected:
            raise Hole(f"{expected} to {event.seq - 1}")
    return logged


async def head(connection: AsyncConnection) -> tuple[str, int]:
    """The epoch and the last position of the log."""
    row = (await connection.execute(text(_HEAD))).one()
    return row.epoch, row.seq
