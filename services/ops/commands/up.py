"""`antiphon up`, and `antiphon dev`, which also restarts what is edited."""

from typing import Annotated

import typer

from services.ops import system
from services.ops.commands.context import DEFAULT_DATA_DIR, DatabaseOption, DataDirOption, NatsOption, environment
from services.ops.settings import UpSettings
from services.ops.terminal import Terminal, own_foreground

Count = typer.Option(min=1, max=64)


def up(
    context: typer.Context,
    gateways: Annotated[int, Count] = 2,
    workers: Annotated[int, Count] = 1,
    histories: Annotated[int, Count] = 1,
    projectors: Annotated[int, Count] = 1,
    port: Annotated[
        int, typer.Option(envvar="ANTIPHON_PORT", min=1, max=65_000, help="Port of the first gateway; the next follow.")
    ] = 8000,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    nats_url: NatsOption = None,
    database_url: DatabaseOption = None,
    reload: Annotated[bool, typer.Option("--reload", help="Restart the services whose files change.")] = False,
) -> None:
    """Start everything, keep it alive, stop it on Ctrl-C."""
    given = environment(context)
    settings = UpSettings(
        environment=given,
        data_dir=data_dir,
        gateways=gateways,
        histories=histories,
        projectors=projectors,
        workers=workers,
        port=port,
        host=given.get("ANTIPHON_HOST") or "127.0.0.1",
        nats_url=nats_url or None,
        database_url=database_url or None,
        sync_interval=given.get("ANTIPHON_NATS_SYNC_INTERVAL") or "always",
        durable=given.get("ANTIPHON_POSTGRES_DURABLE", "on") != "off",
        reload=reload,
    )
    with own_foreground(under_make="MAKELEVEL" in given):
        system.up(settings, Terminal())


def dev(context: typer.Context) -> None:
    """`up --reload`: restart the services whose files change. Takes the options of `up`."""
    program = context.find_root().command
    program.main(["up", "--reload", *context.args], obj=context.obj, standalone_mode=False)
