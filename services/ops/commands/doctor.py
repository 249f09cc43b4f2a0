"""`antiphon doctor`: what is wrong here, why, and what to do."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from services.ops import checks
from services.ops.commands.context import DEFAULT_DATA_DIR, DatabaseOption, DataDirOption, NatsOption, environment
from services.ops.datadir import DataDir


def doctor(
    context: typer.Context,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    nats_url: NatsOption = None,
    database_url: DatabaseOption = None,
    port: Annotated[int, typer.Option(envvar="ANTIPHON_PORT", help="Port of the first gateway.")] = 8000,
    llm: Annotated[bool, typer.Option("--llm", help="Ask the model one small question, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A list of objects instead of text.")] = False,
) -> None:
    """Examine this machine and the running system; exit code 1 if a check fails."""
    subject = checks.Subject(
        DataDir(data_dir.absolute()), nats_url or None, database_url or None, port, environment(context)
    )
    findings = asyncio.run(checks.examine(subject, asks_model=llm))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _tell(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _tell(findings: list[checks.Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        console.print("[green]ok  [/]" if finding.ok else "[red]fail[/]", end=" ")
        console.print(f"{finding.name:<18} {finding.cause}", markup=False)
        if finding.remedy:
            console.print(
                f"     {'':<18} → {finding.remedy}", markup=False, style="yellow" if not finding.ok else "dim"
            )
