"""The data directory: what lies where in it, and that one `up` at a time owns it.

lock  secrets.json  ports.json  state.json  logs/<name>.log  nats/  postgres/
"""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.ops import errors

MIN_FREE_BYTES = 256 * 1024 * 1024
MAX_LOG_BYTES = 20 * 1024 * 1024
LOOKED_AT_S = 1.0  # whoever looks whether there is an owner holds the lock for a moment


@dataclass(frozen=True, slots=True)
class DataDir:
    """Paths below one directory. Nothing is created before `prepare`."""

    path: Path

    @property
    def lock_file(self) -> Path:
        return self.path / "lock"

    @property
    def secrets_file(self) -> Path:
        return self.path / "secrets.json"

    @property
    def ports_file(self) -> Path:
        return self.path / "ports.json"

    @property
    def state_file(self) -> Path:
        return self.path / "state.json"

    @property
    def nats(self) -> Path:
        return self.path / "nats"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    def log(self, name: str) -> Path:
        """Where the process `name` writes."""
        return self.path / "logs" / f"{name}.log"

    def prepare(self, min_free_bytes: int = MIN_FREE_BYTES) -> None:
        """The directory exists, is ours to write, has room, and no log of an earlier run is longer than 20 MiB.

        Raises:
            DataDirNotWritable, DiskFull: with what to do about it.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.path / "logs").mkdir(exist_ok=True)
            (self.path / "logs" / ".probe").write_bytes(b"x")
            (self.path / "logs" / ".probe").unlink()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise self._full(0, min_free_bytes) from None
            raise errors.DataDirNotWritable(path=self.path, reason=error.strerror) from None
        free = shutil.disk_usage(self.path).free
        if free < min_free_bytes:
            raise self._full(free, min_free_bytes)
        for log in self.path.glob("logs/*.log"):
            if log.stat().st_size > MAX_LOG_BYTES:
                log.replace(log.with_suffix(".log.1"))

    def _full(self, free: int, needed: int) -> errors.DiskFull:
        return errors.DiskFull(path=self.path, free_mib=free >> 20, needed_mib=needed >> 20)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """This process owns the directory inside the block. The kernel lets go of it if the process dies.

        Raises:
            DataDirInUse: another living process owns it.
        """
        handle = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            ends_at = time.monotonic() + LOOKED_AT_S
            while not _locked(handle, fcntl.LOCK_EX):
                owner = self.owner()  # None: somebody just looks whether there is one
                if owner is not None or time.monotonic() > ends_at:
                    raise errors.DataDirInUse(path=self.path, pid=owner or "?")
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(handle)

    def owner(self) -> int | None:
        """The pid of the running `up`, None if there is none."""
        try:
            handle = os.open(self.lock_file, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            return None if _locked(handle, fcntl.LOCK_SH) else int(os.pread(handle, 32, 0) or b"0")
        finally:
            os.close(handle)


def _locked(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
