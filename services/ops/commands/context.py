"""What every subcommand gets: the environment, read once in `__main__`, and the options that several share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, cast

import typer

from services.ops import database, errors, keys
from services.ops.datadir import DataDir
from services.ops.embedded import nats, postgres
from services.ops.ports import PortBook

DEFAULT_DATA_DIR = Path(".antiphon")

DataDirOption = Annotated[
    Path, typer.Option("--data-dir", envvar="ANTIPHON_DATA_DIR", help="Where the embedded system keeps its data.")
]
NatsOption = Annotated[
    str | None, typer.Option("--nats-url", envvar="ANTIPHON_NATS_URL", help="A NATS of your own; none is started then.")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database-url", envvar="ANTIPHON_DATABASE_URL", help="A PostgreSQL of your own; none is started then."
    ),
]


def environment(context: typer.Context) -> Mapping[str, str]:
    """The environment, completed by `.env`."""
    return cast(Mapping[str, str], context.obj)


def database_url(given: str | None, data_dir: DataDir) -> str:
    """The configured database, else the embedded one of `data_dir`.

    Raises:
        NotRunning: there is neither.
    """
    known = keys.read(data_dir.secrets_file)
    if given:
        return database.plain(given)
    try:
        if known is not None:
            return postgres.url(PortBook(data_dir.ports_file)["postgres"], known.postgres_password)
    except KeyError:
        pass
    raise errors.NotRunning(path=data_dir.path)


def nats_url(given: str | None, data_dir: DataDir) -> str:
    """The configured NATS, else the embedded one of `data_dir`.

    Raises:
        NotRunning: there is neither.
    """
    try:
        return given or nats.url(PortBook(data_dir.ports_file)["nats"])
    except KeyError:
        raise errors.NotRunning(path=data_dir.path) from None
