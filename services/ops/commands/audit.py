"""`antiphon audit`: verify the whole log, keep checkpoints of it, prove one session to somebody without access."""

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from services.history import checkpoint as sealed
from services.history import sealing
from services.history.audit import proof, proving, rows, verifying
from services.history.chain import Anchor, Broken
from services.history.checkpoint import Checkpoint
from services.ops import audit as tools
from services.ops import errors, keys, output, proofs
from services.ops.commands.context import DEFAULT_DATA_DIR, DatabaseOption, DataDirOption, environment
from services.ops.commands.context import database_url as address
from services.ops.datadir import DataDir

audit = typer.Typer(no_args_is_help=True, help="Verify the log, sign what it is, prove a session from it.")

PublicKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--public-key", help="Base64, PEM, or a file: what `audit key` prints. Older keys too: give it again."
    ),
]


@audit.command()
def verify(
    first: Annotated[int, typer.Option("--from", min=1, help="The first position to recompute.")] = 1,
    resume: Annotated[Path | None, typer.Option(help="Go on where this file says, and keep it up to date.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Checkpoints that were kept outside, one a line.")] = None,
    public_key: PublicKeys = None,
    database_url: DatabaseOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Recompute the chain; exit code 1 and the first position that was changed, removed, inserted or moved."""
    if checkpoint is not None and not public_key:
        raise errors.AuditFailed(reason="--checkpoint needs --public-key: who should have signed it?")
    kept = tools.checkpoints(checkpoint, [tools.public_key(one) for one in public_key or []]) if checkpoint else []
    url = address(database_url, DataDir(data_dir.absolute()))
    print(asyncio.run(_verify(url, first, resume, kept)))


async def _verify(url: str, first: int, resume: Path | None, kept: list[Checkpoint]) -> str:
    async with tools.opened(url) as engine:
        async with engine.connect() as connection:
            stored = await sealing.stored(connection)
            after = await rows.anchor(connection, first - 1)
        for one in stored:
            try:
                sealed.check(one, one.public_key)
            except sealed.Unusable as error:
                raise Broken(one.seq, str(error)) from None
        if resume is not None:
            after = max(after, tools.resume_point(resume), key=lambda anchor: anchor.seq)
        began = time.monotonic()
        with tools.told(after, resume) as progress:
            pins: list[Anchor] = [one.anchor for one in (*kept, *stored)]
            done = await verifying.verify(engine, after, pins, progress)
    if resume is not None:
        tools.save(resume, done.at)
    took_s = time.monotonic() - began
    return (
        f"verified {done.events} events up to {done.at.seq} and {done.pinned} checkpoints in {took_s:.1f} s "
        f"({done.events / took_s:,.0f}/s): hash {done.at.hash.hex()}, epoch {done.epoch}"
        + (f"\n{done.erased} events were erased, each on order" if done.erased else "")
        + (f"\n{done.gaps} positions are on record as lost" if done.gaps else "")
    )


@audit.command()
def key(context: typer.Context, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Print the public key of the checkpoints: keep it outside, and pass it on."""
    text = keys.signing_key(environment(context), DataDir(data_dir.absolute()).secrets_file)
    try:
        print(sealed.encoded(sealed.private_key(text).public_key().public_bytes_raw()))
    except sealed.Unusable as error:
        raise errors.AuditFailed(reason=error) from None


@audit.command()
def checkpoint(database_url: DatabaseOption = None, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Print the newest signed checkpoint, one JSON line: whoever keeps it notices a rewritten log."""
    print(asyncio.run(_newest(address(database_url, DataDir(data_dir.absolute())))))


async def _newest(url: str) -> str:
    async with tools.opened(url) as engine, engine.connect() as connection:
        found = await sealing.newest(connection)
    if found is None:
        raise errors.AuditFailed(reason="nothing was signed yet: is there an event, and has history a signing key?")
    return orjson.dumps(sealed.to_json(found)).decode()


@audit.command()
def prove(
    session: Annotated[str, typer.Option(help="The session's id.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to; compressed if it ends in .gz. Stdout if left out.")
    ] = None,
    newest: Annotated[bool, typer.Option("--newest", help="Up to the newest checkpoint, not the first one.")] = False,
    database_url: DatabaseOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Write a proof of a session's transcript that can be checked without access to the system."""
    url = address(database_url, DataDir(data_dir.absolute()))
    with output.writing(out) as write:
        done = asyncio.run(_prove(url, session, newest, write))
    told = f"{done.events} events, positions {done.first} to {done.checkpoint.seq}"
    print(f"proof of {session}: {told}", file=sys.stderr)


async def _prove(url: str, session: str, newest: bool, write: Callable[[bytes], object]) -> proving.Written:
    async with tools.opened(url) as engine:
        try:
            return await proving.write(engine, session, newest, write)
        except proving.CanNotProve as error:
            raise errors.AuditFailed(reason=error) from None


@audit.command()
def check(
    file: Annotated[Path, typer.Argument(help="What `audit prove` wrote.")],
    public_key: PublicKeys,
) -> None:
    """Check a proof: needs this file and the public key, nothing else."""
    try:
        found = proof.check(proofs.lines(file), *[tools.public_key(one) for one in public_key or []])
    except proof.Refused as error:
        raise errors.AuditFailed(reason=error) from None
    except OSError as error:
        raise errors.AuditFailed(reason=f"{file} can't be read ({error.strerror})") from None
    began = "every position from 1 on was shown" if found.whole else "it begins with the session's creation"
    until = datetime.fromtimestamp(found.checkpoint.time_ns / 10**9, UTC).isoformat(timespec="seconds")
    print(f"proven: session {found.session_id} has exactly these {found.events} events, {began},")
    print(f"up to position {found.checkpoint.seq}, signed at {until}; the last one is at {found.last_event}")
    if found.without_body:
        print(f"without body, withheld: {', '.join(map(str, found.without_body))}")
    if found.erased:
        print(f"without body, erased as the session's own events order: {', '.join(map(str, found.erased))}")
