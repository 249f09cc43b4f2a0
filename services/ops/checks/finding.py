"""What a check is about and what it finds."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.ops import errors
from services.ops.commands import context
from services.ops.datadir import DataDir


@dataclass(frozen=True, slots=True)
class Subject:
    """The system under examination: where its data is, and what it was told."""

    data_dir: DataDir
    given_nats_url: str | None
    given_database_url: str | None
    port: int
    environment: Mapping[str, str]

    @property
    def is_up(self) -> bool:
        return self.data_dir.owner() is not None

    @property
    def nats_url(self) -> str | None:
        """Where NATS should be; None if nothing was ever started or configured."""
        try:
            return context.nats_url(self.given_nats_url, self.data_dir)
        except errors.NotRunning:
            return None

    @property
    def database_url(self) -> str | None:
        """Where PostgreSQL should be; None if nothing was ever started or configured."""
        try:
            return context.database_url(self.given_database_url, self.data_dir)
        except errors.NotRunning:
            return None


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result: why it is so, and, if there is something to do, what."""

    name: str
    ok: bool
    cause: str
    remedy: str = ""
