"""`antiphon restore-stream` and `antiphon accept-gap`: for when stream and log do not fit together any more."""

import asyncio
import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history.recovery import NotDone, gaps, restoring
from services.ops import bus, errors, logbook
from services.ops.commands.context import (
    DEFAULT_DATA_DIR,
    DatabaseOption,
    DataDirOption,
    NatsOption,
    database_url,
    nats_url,
)
from services.ops.commands.erase import ByOption
from services.ops.datadir import DataDir
from shared.bus.connection import Bus
from shared.leader import StandStill

ReasonOption = Annotated[str, typer.Option(help="Why; it goes on record.")]


def restore_stream(
    reason: ReasonOption = "the stream was lost",
    by: ByOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Throw away a stream that does not fit the log.")] = False,
    replicas: Annotated[
        int, typer.Option(min=1, max=5, envvar="ANTIPHON_REPLICAS", help="Copies in a NATS cluster.")
    ] = 1,
    nats: NatsOption = None,
    database: DatabaseOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Make the event stream anew behind the log, after JetStream's data was lost. Clients take fresh snapshots."""
    made = asyncio.run(_restore(_urls(nats, database, data_dir), by or getpass.getuser(), reason, replicas, replace))
    print(f"EVENTS goes on at {made.first_seq}, under the new epoch {made.epoch}")


async def _restore(
    urls: tuple[str, str], by: str, reason: str, replicas: int, replace: bool
) -> restoring.Restored:  # fmt: skip
    async with _both(urls) as (connected, engine):
        return await restoring.restore(connected, engine, by, reason, replicas, replace)


def accept_gap(
    first: Annotated[int, typer.Option("--from", min=1, help="The first missing position.")],
    last: Annotated[int, typer.Option("--to", min=1, help="The last one.")],
    reason: ReasonOption,
    by: ByOption = None,
    nats: NatsOption = None,
    database: DatabaseOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Let the log go on behind positions that are lost. That they are, by whom and why becomes part of the log."""
    lost = asyncio.run(_accept(_urls(nats, database, data_dir), first, last, by or getpass.getuser(), reason))
    print(f"{lost} positions are on record as lost; the log goes on behind {last}")


async def _accept(urls: tuple[str, str], first: int, last: int, by: str, reason: str) -> int:
    async with _both(urls) as (connected, engine):
        return await gaps.accept(connected, engine, first, last, by, reason)


def _urls(nats: str | None, database: str | None, data_dir: DataDirOption) -> tuple[str, str]:
    place = DataDir(data_dir.absolute())
    return nats_url(nats, place), database_url(database, place)


@asynccontextmanager
async def _both(urls: tuple[str, str]) -> AsyncIterator[tuple[Bus, AsyncEngine]]:
    async with bus.opened(urls[0]) as connected, logbook.opened(urls[1]) as engine:
        try:
            yield connected, engine
        except (NotDone, StandStill) as error:
            raise errors.NotRecovered(reason=error) from None
