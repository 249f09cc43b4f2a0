"""`antiphon verify-read-models`: are the live tables what the log says?"""

import asyncio
from typing import Annotated

import typer

from services.ops import readmodels
from services.ops.commands.context import DEFAULT_DATA_DIR, DatabaseOption, DataDirOption
from services.ops.commands.context import database_url as address
from services.ops.datadir import DataDir
from services.projector import live, schemas
from services.projector.rebuild import Rebuild
from shared import db

ADVICE = "`antiphon rebuild --accept-differences` puts right ones in their place."


def verify_read_models(
    show: Annotated[int, typer.Option(min=1, max=10_000, help="Differing rows named of each table.")] = 10,
    page_events: Annotated[int, typer.Option(min=1, max=10_000, help="Events in one transaction.")] = (
        readmodels.PAGE_EVENTS
    ),
    database_url: DatabaseOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Fold the log into tables aside and compare them with the live ones; exit code 1, and what differs, if any does.

    The system may run meanwhile. Nothing is changed.
    """
    compared_at = asyncio.run(_verify(address(database_url, DataDir(data_dir.absolute())), show, page_events))
    print(f"the live read models are what the log says, up to {compared_at}")


async def _verify(url: str, show: int, page_events: int) -> int:
    async with readmodels.alone(url) as pool:
        async with db.transaction(pool) as connection:
            await live.lock_and_create(connection)
            left_over = await schemas.all_with(connection, "scratch")  # of a run that was killed
        await schemas.drop(pool, left_over, unread=True)
        schema = await schemas.add(pool, "scratch")
        try:
            with readmodels.filling(schema) as progress:
                work = Rebuild(pool, page_events, progress)
                await work.fill(schema)
            compared = await work.compare(schema, show)
            position = await work.position(schema)
        finally:
            await schemas.drop(pool, [schema], unread=True)
    readmodels.tell(compared)
    if tables := readmodels.differing(compared):
        raise readmodels.ReadModelsDiffer(tables=", ".join(tables), advice=ADVICE)
    return position
