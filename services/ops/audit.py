"""What `antiphon audit` needs besides history's own code: a database, a place to go on from, a bar that moves."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import orjson
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import checkpoint
from services.history.chain import Anchor, Broken
from services.history.checkpoint import Checkpoint
from services.history.errors import SchemaMissing
from services.ops import errors, files
from services.ops.bars import bar
from shared import db
from shared.settings import DatabaseSettings

SAVE_EVENTS = 50_000


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncEngine]:
    """The database of the log.

    Raises:
        AuditFailed: the database, or the log, is not what it should be; with the sentence about it.
    """
    try:
        async with db.engine(DatabaseSettings(database_url=url, instance="audit", statement_timeout_s=60)) as engine:
            yield engine
    except (Broken, SchemaMissing, SQLAlchemyError, OSError) as error:
        raise errors.AuditFailed(reason=errors.sentence(error)) from error


def resume_point(path: Path) -> Anchor:
    """Where an earlier verification stopped; the beginning if there was none.

    Raises:
        AuditFailed: the file is not one that `--resume` wrote.
    """
    try:
        known = orjson.loads(path.read_bytes())
        return Anchor(int(known["seq"]), bytes.fromhex(known["hash"]))
    except FileNotFoundError:
        return Anchor()
    except (ValueError, LookupError, TypeError) as error:
        raise errors.AuditFailed(reason=f"{path} is no file that --resume wrote") from error


def save(path: Path, at: Anchor) -> None:
    """The next `--resume` goes on behind `at`.

    Raises:
        NotWritten: the file can't be.
    """
    try:
        files.replace(path, orjson.dumps({"seq": at.seq, "hash": at.hash.hex()}).decode())
    except OSError as error:
        raise errors.NotWritten(path=path, reason=error.strerror) from None


@contextmanager
def told(after: Anchor, resume: Path | None) -> Iterator[Callable[[Anchor, int], None]]:
    """A function that shows, and now and then saves, how far it is."""
    saved = after.seq
    with bar("verifying", after.seq) as shown:

        def progress(at: Anchor, end: int) -> None:
            nonlocal saved
            shown(at.seq, end)
            if resume is not None and at.seq - saved >= SAVE_EVENTS:
                save(resume, at)
                saved = at.seq

        yield progress


def public_key(text: str) -> bytes:
    """The key that was given as text, or as the name of a file with it.

    Raises:
        AuditFailed: neither.
    """
    try:
        path = Path(text)
        is_file = len(text) < 4096 and "\n" not in text and path.is_file()
        return checkpoint.public_key(path.read_text() if is_file else text)
    except (checkpoint.Unusable, OSError) as error:
        raise errors.AuditFailed(reason=error) from None


def checkpoints(path: Path, keys: Sequence[bytes]) -> list[Checkpoint]:
    """The checkpoints of a file, one a line, each signed with one of the keys.

    Raises:
        AuditFailed: the file holds none, or one that is not.
    """
    try:
        found = [checkpoint.from_json(line) for line in path.read_bytes().splitlines() if line.strip()]
        for one in found:
            checkpoint.check(one, *keys)
    except checkpoint.Unusable as error:
        raise errors.AuditFailed(reason=error) from None
    except OSError as error:
        raise errors.AuditFailed(reason=f"{path} can't be read ({error.strerror})") from None
    if not found:
        raise errors.AuditFailed(reason=f"{path} holds no checkpoint")
    return found
