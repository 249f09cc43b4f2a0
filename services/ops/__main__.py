"""The `antiphon` command. The environment, completed by `.env`, is read here and nowhere else."""

import os
import sys
from pathlib import Path

import typer

from services.ops.commands.audit import audit
from services.ops.commands.demo import demo
from services.ops.commands.doctor import doctor
from services.ops.commands.erase import erase
from services.ops.commands.export import export
from services.ops.commands.import_ import import_
from services.ops.commands.migrate import migrate
from services.ops.commands.parked import parked
from services.ops.commands.ps import ps
from services.ops.commands.rebuild import rebuild
from services.ops.commands.recovery import accept_gap, restore_stream
from services.ops.commands.replay import replay
from services.ops.commands.stop import stop
from services.ops.commands.token import token
from services.ops.commands.up import dev, up
from services.ops.commands.verify_read_models import verify_read_models
from services.ops.environ import merged
from services.ops.errors import OpsError

app = typer.Typer(
    name="antiphon",
    help="Starts, watches, stops and examines Antiphon on this machine.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
for subcommand in (up, ps, stop, token, migrate, doctor, demo, export, rebuild, verify_read_models):
    app.command()(subcommand)
for order in (erase, restore_stream, accept_gap):
    app.command()(order)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(dev)
app.command(name="import")(import_)
app.add_typer(audit, name="audit")
app.add_typer(parked, name="parked")
app.add_typer(replay, name="replay")


def main() -> None:
    """Runs one subcommand. What it can't do ends in one sentence and exit code 1."""
    os.environ.update(merged(os.environ, Path(".env")))
    try:
        app(obj=dict(os.environ))
    except OpsError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
