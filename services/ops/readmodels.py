"""What the commands about the read models share: a database, a bar, and how a comparison reads."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ops.bars import bar
from services.ops.errors import OpsError, sentence
from services.projector import rebuild
from services.projector.comparing import Compared, Difference
from shared import db
from shared.errors import AntiphonError
from shared.settings import DatabaseSettings

PAGE_EVENTS = 500
_STATEMENT_S = 60


class ReadModelsFailed(OpsError):
    """The read models could not be worked on: {reason}."""


class ReadModelsDiffer(OpsError):
    """The live read models are not what the log says ({tables}): {advice}"""


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncEngine]:
    """The database of the read models.

    Raises:
        ReadModelsFailed: the database, or what it holds, is not what it should be; with the sentence about it.
    """
    settings = DatabaseSettings(
        database_url=url, instance="rebuild", statement_timeout_s=_STATEMENT_S, pool_size=3, pool_overflow=2
    )
    try:
        async with db.engine(settings) as engine:
            yield engine
    except (AntiphonError, SQLAlchemyError, OSError, ExceptionGroup) as error:
        cause: Exception = error
        while isinstance(cause, ExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, OpsError):
            raise cause from None
        raise ReadModelsFailed(reason=sentence(cause).rstrip(".")) from error


@asynccontextmanager
async def alone(url: str) -> AsyncIterator[AsyncEngine]:
    """As `opened`, while no other process works on the schemas."""
    async with opened(url) as engine, rebuild.alone(url):
        yield engine


@contextmanager
def filling(schema: str) -> Iterator[rebuild.Progress]:
    """A function that shows how far `schema` is filled."""
    with bar(f"filling {schema}") as advance:
        yield lambda done, total: advance(done, max(done, total))


def tell(compared: list[Compared]) -> None:
    """Each table with its rows and digests; and, where they differ, which rows do. Nothing of nothing."""
    if not compared:
        return
    listed = Table("table", "rows", "digest", "live rows", "live digest", "", box=None)
    for one in compared:
        verdict = "same" if one.same else "DIFFERS"
        digests = (str(one.other.rows), one.other.digest, str(one.live.rows), one.live.digest)
        listed.add_row(one.table, *digests, verdict)
    console = Console(highlight=False, soft_wrap=True)
    console.print(listed)
    for one in compared:
        for difference in one.differences:
            console.print(f"  {one.table} {difference.key}: {_words(difference)}", markup=False)


def _words(difference: Difference) -> str:
    match difference.kind:
        case "missing":
            return "is missing from the live table"
        case "unexpected":
            return "is in the live table and should not be"
        case _:
            return "differs in " + ", ".join(difference.columns)


def differing(compared: list[Compared]) -> list[str]:
    """The tables that are not the same."""
    return [one.table for one in compared if not one.same]
