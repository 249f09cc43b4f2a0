"""`antiphon ps`: what is running."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.ops import errors, state
from services.ops.commands.context import DEFAULT_DATA_DIR, DataDirOption
from services.ops.datadir import DataDir


def ps(
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="A list of objects instead of a table.")] = False,
) -> None:
    """List the processes of a running `up`."""
    place = DataDir(data_dir.absolute())
    if place.owner() is None:
        if as_json:
            print("[]")
        raise errors.NotRunning(path=place.path)
    running = state.read(place.state_file)
    if as_json:
        print(json.dumps([asdict(one) for one in running], indent=2))
        return
    table = Table("name", "pid", "port", "restarts", "started at (UTC)", box=None)
    for one in running:
        table.add_row(one.name, str(one.pid), str(one.port), str(one.restarts), one.started_at)
    Console().print(table)
