"""The log, read by position."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.projector.quick import Quick
from shared import errors
from shared.leader import StandStill

_COLUMNS: Final = """
seq, epoch, session_id, stream_time_ns, coalesce(body, remains) AS body, duplicate_of, malformed, body IS NULL
"""
_PAGE: Final = f"""
SELECT {_COLUMNS} FROM log.events
WHERE seq > $1 ORDER BY seq LIMIT $2
"""  # noqa: S608  # nothing in it comes from outside
_OF_SESSION: Final = f"""
SELECT {_COLUMNS} FROM log.events
WHERE session_id = :session_id AND seq > :after AND seq <= :up_to ORDER BY seq LIMIT :limit
"""  # noqa: S608
_HEAD: Final = "SELECT epoch, seq FROM log.head"


class Hole(StandStill):
    """The log lacks positions; run `antiphon audit verify`"""


class LogMissing(errors.Temporary):
    """The database has no schema `log`; run `antiphon migrate`"""


@dataclass(frozen=True, slots=True)
class Logged:
    """An event as the log holds it. Once erased, `body` is what is left of it, if anything is."""

    seq: int
    epoch: str
    session_id: str
    time_ns: int
    body: bytes | None
    duplicate_of: int | None
    malformed: bool
    is_erased: bool

    @property
    def is_passed_over(self) -> bool:
        """A second copy, or something that is no event."""
        return self.duplicate_of is not None or self.malformed


async def page(quick: Quick, after: int, limit: int) -> list[Logged]:
    """The next events, dense from `after` + 1 on; empty at the head.

    Raises:
        Hole: they are not dense.
    """
    try:
        found = await quick.fetch_text(_PAGE, after, limit)
    except ProgrammingError as error:
        raise LogMissing(str(error.orig)) from error
    logged = [Logged(*row) for row in found]
    for expected, event in enumerate(logged, start=after + 1):
        if event.seq != expected:
            raise Hole(f"{expected} to {event.seq - 1}")
    return logged


async def of_session(connection: AsyncConnection, session_id: str, after: int, up_to: int, limit: int) -> list[Logged]:
    """The next events of one session, up to a position."""
    bounds = {"session_id": session_id, "after": after, "up_to": up_to, "limit": limit}
    return [Logged(*row) for row in (await connection.execute(text(_OF_SESSION), bounds)).all()]


async def head(connection: AsyncConnection) -> tuple[str, int]:
    """The epoch and the last position of the log."""
    row = (await connection.execute(text(_HEAD))).one()
    return row.epoch, row.seq
