"""Reading a file with a proof, compressed if its name ends in `.gz`. It may come from anybody."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from services.history.audit.proof import Refused

MAX_LINE_BYTES = 8 * 1024 * 1024  # a body is at most 1 MiB, and each of its bytes may take six as JSON


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a proof, one at a time.

    Raises:
        Refused: it is cut off, or a line is longer than any that was ever written.
        OSError: it can't be read.
    """
    number = 0
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        try:
            while line := file.readline(MAX_LINE_BYTES):
                number += 1
                if not line.endswith(b"\n"):
                    raise Refused(number, "the line is cut off or too long")
                yield line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Refused(number + 1, f"the file is damaged ({error})") from error
