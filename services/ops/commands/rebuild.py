"""`antiphon rebuild`: the read models made anew from the log, beside the live ones, and put in their place."""

import asyncio
import time
from typing import Annotated

import typer

from services.ops import readmodels
from services.ops.commands.context import DEFAULT_DATA_DIR, DatabaseOption, DataDirOption
from services.ops.commands.context import database_url as address
from services.ops.datadir import DataDir
from services.projector import schemas
from services.projector.rebuild import LiveIsAhead, Rebuild
from shared import db

KEEP = "`antiphon rebuild --rollback` goes back to it, `antiphon rebuild --drop` removes it"


def rebuild(
    accept: Annotated[bool, typer.Option("--accept-differences", help="Switch although the tables differ.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin at position 1, whatever an earlier run filled.")
    ] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Make what was live before live again.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Remove every schema but the live one.")] = False,
    show: Annotated[int, typer.Option(min=1, max=10_000, help="Differing rows named of each table.")] = 10,
    page_events: Annotated[int, typer.Option(min=1, max=10_000, help="Events in one transaction.")] = (
        readmodels.PAGE_EVENTS
    ),
    database_url: DatabaseOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Fill new tables from the log, compare them with the live ones, switch. Stopped in the middle, it goes on there.

    The system may run meanwhile: no query fails. Exit code 1, and no switch, if the tables differ.
    """
    url = address(database_url, DataDir(data_dir.absolute()))
    if drop:
        asyncio.run(_drop(url))
    elif rollback:
        asyncio.run(_rollback(url, page_events))
    else:
        asyncio.run(_rebuild(url, accept, fresh, show, page_events))


async def _rebuild(url: str, accept: bool, fresh: bool, show: int, page_events: int) -> None:
    async with readmodels.alone(url) as pool:
        schema = await Rebuild(pool, page_events, lambda _done, _goal: None).candidate()
        if fresh:
            await schemas.drop(pool, [schema], unread=True)
            schema = await schemas.add(pool, "candidate")
        began = time.monotonic()
        with readmodels.filling(schema) as progress:
            work = Rebuild(pool, page_events, progress)
            first = await work.position(schema)
            seq = await work.fill(schema)
        took_s, events = max(time.monotonic() - began, 0.001), seq - first
        print(f"{schema} is filled up to {seq}: {events} events in {took_s:.1f} s ({events / took_s:,.0f}/s)")
        await _compare(work, schema, accept, show)
        await work.fill(schema, to_head=True)
        before = await work.switch(schema)
    print(f"{schema} is live now" + (f"; {before} is kept: {KEEP}" if before else ""))


async def _compare(work: Rebuild, schema: str, accept: bool, show: int) -> None:
    try:
        compared = await work.compare(schema, show)
    except LiveIsAhead as error:
        if not accept:
            raise
        print(error)
        return
    readmodels.tell(compared)
    if (tables := readmodels.differing(compared)) and not accept:
        advice = f"{schema} is kept: `antiphon rebuild --accept-differences` switches to it."
        raise readmodels.ReadModelsDiffer(tables=", ".join(tables), advice=advice)


async def _rollback(url: str, page_events: int) -> None:
    async with readmodels.alone(url) as pool:
        async with db.transaction(pool) as connection:
            schema = await schemas.find(connection, "previous")
        if schema is None:
            raise readmodels.ReadModelsFailed(reason="nothing is kept that was live before")
        with readmodels.filling(schema) as progress:
            work = Rebuild(pool, page_events, progress)
            await work.fill(schema)
        before = await work.switch(schema)
    print(f"{schema} is live again; {before} is kept: {KEEP}")


async def _drop(url: str) -> None:
    async with readmodels.alone(url) as pool:
        async with db.transaction(pool) as connection:
            names = await schemas.others(connection)
        await schemas.drop(pool, names)
    print(f"dropped {', '.join(names)}" if names else "there is nothing to drop")
