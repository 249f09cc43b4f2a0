"""`antiphon demo`: two people, two gateways, and one of the gateways is killed in the middle of a reply."""

import asyncio

import typer
from rich.console import Console

from services.ops import demo as story
from services.ops.commands.context import DEFAULT_DATA_DIR, DataDirOption, environment
from services.ops.datadir import DataDir


def demo(context: typer.Context, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Show that a gateway may die: on the running system, or on a fresh one that is gone afterwards."""
    asyncio.run(story.demo(DataDir(data_dir.absolute()), environment(context), Console()))
