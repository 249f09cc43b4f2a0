"""`antiphon replay`: what the log says, printed or sent out again."""

import asyncio
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import orjson
import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ops import errors, files, logbook, output, past, republish
from services.ops.bars import bar
from services.ops.bus import opened
from services.ops.commands.context import (
    DEFAULT_DATA_DIR,
    DatabaseOption,
    DataDirOption,
    NatsOption,
    database_url,
    nats_url,
)
from services.ops.datadir import DataDir

replay = typer.Typer(no_args_is_help=True, help="Print what the log holds, or send it out again.")

Session = Annotated[str | None, typer.Option(help="The session's id.")]
Every = Annotated[bool, typer.Option("--all", help="Every session.")]
After = Annotated[str | None, typer.Option(help="Behind this position or time (RFC 3339); the beginning if left out.")]
Until = Annotated[str | None, typer.Option(help="Up to this position or time; the end if left out.")]


@replay.command()
def events(
    session: Session = None,
    every: Every = False,
    after: After = None,
    until: Until = None,
    of_type: Annotated[str, typer.Option("--type", help="Only these, such as message.* or *.v1.")] = "*",
    database: DatabaseOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Print events, one JSON line each: position, time in nanoseconds, and the event as it was recorded."""
    _one_of(session, every)
    asyncio.run(_events(database_url(database, DataDir(data_dir.absolute())), session, after, until, of_type))


async def _events(url: str, session: str | None, after: str | None, until: str | None, of_type: str) -> None:
    with output.writing(None) as write:
        async with logbook.opened(url) as engine:
            first, last = await _span(engine, after, until)
            async for row in logbook.rows(engine, session, first, last):
                if fnmatchcase(row["type"] or "", of_type):
                    write(orjson.dumps(row) + b"\n")


@replay.command()
def state(
    session: Annotated[str, typer.Option(help="The session's id.")],
    at: Annotated[str | None, typer.Option(help="As of this position or time (RFC 3339). The end if left out.")] = None,
    database: DatabaseOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Print a session as a participant saw it then, as JSON: title, people, chats, messages, receipts, settings."""
    asyncio.run(_state(database_url(database, DataDir(data_dir.absolute())), session, at))


async def _state(url: str, session: str, at: str | None) -> None:
    async with logbook.opened(url) as engine:
        found = await past.state(engine, session, await logbook.position(engine, at))
    print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


@replay.command()
def publish(
    to: Annotated[str, typer.Option(help="The subject to publish below, as <to>.<session id>.")],
    session: Session = None,
    every: Every = False,
    after: After = None,
    until: Until = None,
    speed: Annotated[str, typer.Option(help="1 as it was, 10 ten times as fast, max without pauses.")] = "1",
    resume: Annotated[Path | None, typer.Option(help="Go on where this file says, and keep it up to date.")] = None,
    database: DatabaseOption = None,
    nats: NatsOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Send a recorded span out again, with its rhythm, on subjects of your own: for services under test.

    Broken off and resumed, each event is sent at least once; the header Antiphon-Replayed-Seq tells repeats.
    """
    _one_of(session, every)
    prefix, pace = republish.check_prefix(to), republish.pace(speed)
    place = DataDir(data_dir.absolute())
    span = (session, after, until)
    print(asyncio.run(_publish(database_url(database, place), nats_url(nats, place), prefix, pace, span, resume)))


async def _publish(
    url: str,
    bus_url: str,
    prefix: str,
    pace: float,
    span: tuple[str | None, str | None, str | None],
    resume: Path | None,
) -> str:
    session, after, until = span
    async with logbook.opened(url) as engine, opened(bus_url) as bus:
        first, last = await _span(engine, after, until)
        if resume is not None:
            first = max(first, _resumed(resume))
        with bar("replaying", first, last) as shown:

            def told(seq: int) -> None:
                shown(seq, None)
                if resume is not None:
                    files.replace(resume, orjson.dumps({"seq": seq}).decode())

            rows = logbook.rows(engine, session, first, last)
            sent = await republish.republish(bus, rows, prefix, pace, told)
    return f"{sent} events published below {prefix}, up to position {last}"


async def _span(engine: AsyncEngine, after: str | None, until: str | None) -> tuple[int, int]:
    return await logbook.position(engine, after or "0"), await logbook.position(engine, until)


def _one_of(session: str | None, every: bool) -> None:
    if (session is None) != every:
        raise errors.BadReplay(reason="say either --session or --all")


def _resumed(path: Path) -> int:
    try:
        return int(orjson.loads(path.read_bytes())["seq"])
    except FileNotFoundError:
        return 0
    except (ValueError, LookupError, TypeError):
        raise errors.BadReplay(reason=f"{path} is no file that --resume wrote") from None
