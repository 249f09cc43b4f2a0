"""`antiphon export`: a session as a document, or everything of one user."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import orjson
import typer

from services.ops import errors, logbook, output, personal
from services.ops.commands.context import DEFAULT_DATA_DIR, DatabaseOption, DataDirOption, database_url
from services.ops.datadir import DataDir
from shared import errors as refusals
from shared import transcript

Write = Callable[[bytes], object]


def export(
    session: Annotated[str | None, typer.Option(help="The session's id.")] = None,
    user: Annotated[str | None, typer.Option(help="Instead: everything this user did, as JSON lines.")] = None,
    format_name: Annotated[str, typer.Option("--format", help="json, jsonl, md, html or csv.")] = "jsonl",
    at: Annotated[str | None, typer.Option(help="As of this position or time (RFC 3339). The end if left out.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to; stdout if left out. Compressed if it ends in .gz.")
    ] = None,
    database: DatabaseOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Write a session as a document, the same bytes for the same position, or one user's data."""
    if (session is None) == (user is None):
        raise errors.BadExport(reason="say either --session or --user")
    if format_name not in transcript.FORMATS:
        raise errors.BadExport(reason=f"--format is one of {', '.join(transcript.FORMATS)}")
    url = database_url(database, DataDir(data_dir.absolute()))
    with output.writing(out) as write:
        if session is not None:
            asyncio.run(_session(url, session, format_name, at, write))
        else:
            told = asyncio.run(_user(url, user or "", at, write))
            print(told, file=sys.stderr)


async def _session(url: str, session_id: str, format_name: str, at: str | None, write: Write) -> None:
    async with logbook.opened(url) as engine:
        up_to = await logbook.position(engine, at)
        into = transcript.FORMATS[format_name]()
        try:
            async for piece in transcript.write(logbook.pages(engine, session_id), session_id, up_to, into):
                write(piece.encode())
        except refusals.NotFound:
            raise errors.BadExport(reason=f"there was no session {session_id} at position {up_to}") from None


async def _user(url: str, user: str, at: str | None, write: Write) -> str:
    async with logbook.opened(url) as engine:
        up_to, sessions, events = await logbook.position(engine, at), 0, 0
        for session_id in await personal.sessions(engine, user, up_to):
            sessions += 1
            mine = personal.Mine(user)
            async for row in logbook.rows(engine, session_id, 0, up_to):
                if mine.take(row):
                    events += 1
                    write(orjson.dumps(row) + b"\n")
    return f"{events} events in {sessions} sessions, up to position {up_to}"
