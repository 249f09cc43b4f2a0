"""What is running, as `antiphon ps` shows it: one file, replaced as a whole at each change."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from services.ops import files


@dataclass(frozen=True, slots=True)
class Running:
    """One process of the system. `started_at` is UTC in ISO 8601; `restarts` counts since `up` began."""

    name: str
    pid: int
    port: int
    restarts: int
    started_at: str

    @property
    def started_unix_s(self) -> float:
        return datetime.fromisoformat(self.started_at).timestamp()


def now() -> str:
    """The time as `started_at` has it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def write(path: Path, running: list[Running]) -> None:
    """`path` says what is running; an empty list says that nothing is."""
    files.replace(path, json.dumps([asdict(one) for one in running], indent=2), mode=0o644)


def read(path: Path) -> list[Running]:
    """What `path` says is running; nothing, if it doesn't exist."""
    try:
        return [Running(**one) for one in json.loads(path.read_text())]
    except FileNotFoundError:
        return []
