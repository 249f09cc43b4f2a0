"""`antiphon migrate`: brings the schema of the log to a revision, or prints the SQL that would."""

from typing import Annotated

import typer

from services.ops import migrations
from services.ops.commands.context import DEFAULT_DATA_DIR, DatabaseOption, DataDirOption
from services.ops.commands.context import database_url as address
from services.ops.datadir import DataDir


def migrate(
    to: Annotated[str, typer.Option(help="A revision, head, base, or a step such as +1 or -1.")] = "head",
    sql: Annotated[bool, typer.Option("--sql", help="Print the statements instead of running them.")] = False,
    database_url: DatabaseOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Bring the database schema to a revision (`up` does this by itself)."""
    offline = "postgresql://127.0.0.1/antiphon"
    url = database_url or (offline if sql else address(database_url, DataDir(data_dir.absolute())))
    migrations.migrate(migrations.config(url), to, sql=sql)
    if not sql:
        print(f"schema is at {migrations.current(url) or 'base'}")
