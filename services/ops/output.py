"""Where the lines of a command go: stdout, or a file that is whole or absent, readable by its owner only, compressed if
its name ends in `.gz`.
"""

import gzip
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial as into
from pathlib import Path
from typing import BinaryIO

import typer

from services.ops import errors


@contextmanager
def writing(path: Path | None) -> Iterator[Callable[[bytes], object]]:
    """A function that takes the lines; without a path they go to stdout. After a failure there is no file.

    Raises:
        NotWritten: it can't be written.
        Exit: whoever reads stdout wants no more.
    """
    if path is None:
        yield _told
        _told(b"")
        return
    partial = path.with_name(f".{path.name}.partial")
    try:
        with ExitStack() as stack:
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            file: BinaryIO | gzip.GzipFile = stack.enter_context(os.fdopen(handle, "wb"))
            if path.suffix == ".gz":
                file = stack.enter_context(gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0))
            yield into(_put, file, path)
        partial.replace(path)
    except OSError as error:
        raise errors.NotWritten(path=path, reason=error.strerror) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _put(file: BinaryIO | gzip.GzipFile, path: Path, line: bytes) -> None:
    try:
        file.write(line)
    except OSError as error:  # here: whoever reads the log meanwhile would take it for a fault of that
        raise errors.NotWritten(path=path, reason=error.strerror) from error


def _told(line: bytes) -> None:
    """Afterwards stdout has the line; without one, all that was told."""
    try:
        _ = sys.stdout.buffer.write(line) if line else sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more as it ends
        raise typer.Exit(1) from None
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise errors.NotWritten(path="stdout", reason=error.strerror) from None
