"""`antiphon parked`: sessions that the read models had to leave behind, and the way to bring them back."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.ops import readmodels
from services.ops.commands.context import DEFAULT_DATA_DIR, DatabaseOption, DataDirOption
from services.ops.commands.context import database_url as address
from services.ops.datadir import DataDir
from services.projector import parking
from services.projector.parking import Parked

parked = typer.Typer(no_args_is_help=True, help="Sessions with an event that can't be folded into the read models.")


@parked.command("list")
def listed(
    as_json: Annotated[bool, typer.Option("--json", help="A list of objects instead of a table.")] = False,
    database_url: DatabaseOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Name them, with the position and the reason."""
    found = asyncio.run(_list(address(database_url, DataDir(data_dir.absolute()))))
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=2))
        return
    table = Table("session", "position", "reason", box=None)
    for one in found:
        table.add_row(one.session_id, str(one.seq), one.reason)
    Console(highlight=False, soft_wrap=True).print(table if found else "no session is parked", markup=False)


async def _list(url: str) -> list[Parked]:
    async with readmodels.opened(url) as pool:
        return await parking.parked_sessions(pool)


@parked.command()
def retry(
    session: Annotated[str, typer.Argument(help="The session's id.")],
    database_url: DatabaseOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Fold a session again from its first event on; do it once the cause is mended, in a new release or in the log."""
    events = asyncio.run(_retry(address(database_url, DataDir(data_dir.absolute())), session))
    print(f"{session} is back: {events} events were folded")


async def _retry(url: str, session: str) -> int:
    async with readmodels.opened(url) as pool:
        return await parking.retry(pool, session)
