"""What a transcript consists of."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from shared.events import MalformedEventError, Recorded, decode

Kind = Literal["message", "note", "plan"]


@dataclass(frozen=True, slots=True)
class Item:
    """One event as history hands it out. Erased, `recorded` is what is left of it; None where that is no event."""

    seq: int
    id: str
    type: str
    time_ns: int
    recorded: Recorded | None
    erased: bool = False

    @classmethod
    def read(cls, row: dict[str, Any]) -> "Item | None":
        """The item of one row of a `query.history.read` page; None for the second copy of an event."""
        if row.get("duplicate_of") is not None:
            return None
        erased = bool(row.get("erased"))
        body, recorded = row.get("remains") if erased else row.get("body"), None
        if body is not None:
            try:
                recorded = decode(row["seq"], orjson.dumps(body))
            except MalformedEventError:
                recorded = None
        return cls(row["seq"], row.get("id") or "", row.get("type") or "", row["time_ns"], recorded, erased)

    @property
    def time(self) -> str:
        """When it happened, RFC 3339 in UTC: as the event says, else as the stream does."""
        if self.recorded is not None:
            return self.recorded.envelope.time
        return datetime.fromtimestamp(self.time_ns / 10**9, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transcript: a message, a plan, or a note of what happened.

    `content` is Markdown for a message and a plan, plain text for a note. `state` is empty, `edited`, `redacted` or
    `erased`. `facts`: what else is known of it, by name (tokens, cost, model, modules ...).
    """

    kind: Kind
    seq: int
    id: str
    time: str
    chat_id: str = ""
    role: str = ""
    author: str = ""
    author_name: str = ""
    content: str = ""
    state: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Without what is empty."""
        named = {name: getattr(self, name) for name in ("kind", "seq", "id", "time", "chat_id", "role")}
        named |= {name: getattr(self, name) for name in ("author", "author_name", "content", "state")}
        return {name: value for name, value in {**named, **self.facts}.items() if value not in ("", None)}
