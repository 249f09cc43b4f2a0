"""`antiphon import`: the conversations of another system."""

import asyncio
from pathlib import Path
from typing import Annotated

import orjson
import typer

from services.ops import bus as buses
from services.ops import errors, files, logbook
from services.ops.bars import bars
from services.ops.commands.context import (
    DEFAULT_DATA_DIR,
    DatabaseOption,
    DataDirOption,
    NatsOption,
    database_url,
    nats_url,
)
from services.ops.datadir import DataDir
from services.ops.importing.report import Report
from services.ops.importing.run import Import
from services.ops.importing.sources import LAYOUTS, recognised
from services.ops.importing.sources.database import opened


def import_(
    source: Annotated[str, typer.Argument(help="A SQLite file, or the URL of a SQLite or PostgreSQL database.")],
    layout: Annotated[str, typer.Option(help="json-texts, instances or threads; recognised if left out.")] = "",
    name: Annotated[str, typer.Option(help="What the source is called here for ever; the layout if left out.")] = "",
    owner: Annotated[str | None, typer.Option(help="Who owns the sessions in which nobody is named.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and count, change nothing.")] = False,
    report: Annotated[Path | None, typer.Option(help="Where to write the whole report, as JSON.")] = None,
    database: DatabaseOption = None,
    nats: NatsOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Bring another system's conversations in, with their times and authors; doing it again changes nothing."""
    if layout and layout not in LAYOUTS:
        raise errors.BadImport(reason=f"--layout is one of {', '.join(LAYOUTS)}")
    place = DataDir(data_dir.absolute())
    into = (database_url(database, place), nats_url(nats, place))
    done = asyncio.run(_import(source, layout, name, owner, dry_run, into))
    if report is not None:
        files.replace(report, orjson.dumps(done.as_json(), option=orjson.OPT_INDENT_2).decode() + "\n")
    print("\n".join(done.lines()))
    if not done.same:
        raise typer.Exit(1)


async def _import(
    source: str, layout: str, name: str, owner: str | None, dry_run: bool, into: tuple[str, str]
) -> Report:
    async with opened(source) as found, logbook.opened(into[0]) as engine, buses.opened(into[1]) as bus:
        layout = layout or recognised(found)
        one = Import(bus, engine, LAYOUTS[layout](found, owner), name or layout, dry_run)
        with bars("messages") as told:
            return await one.run(told)
