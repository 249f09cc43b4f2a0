"""What an import came to: counts and digests of both sides, and every row that could not be taken."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from services.ops.importing.differing import ERASED
from services.ops.importing.old import Broken, Difference

SHOWN = 20


class Digest:
    """What was said in the sessions, in the order it was said in each: equal on both sides, or something is missing."""

    def __init__(self) -> None:
        self.messages = 0
        self._sessions: dict[str, bytes] = {}

    def add(self, session_id: str, said: Sequence[str]) -> None:
        """The session's next message."""
        before = self._sessions.get(session_id, b"")
        self._sessions[session_id] = hashlib.sha256(before + orjson.dumps(list(said))).digest()
        self.messages += 1

    def differing(self, other: "Digest") -> list[str]:
        """The sessions that are not the same on both sides."""
        either = self._sessions.keys() | other._sessions.keys()
        return sorted(one for one in either if self._sessions.get(one) != other._sessions.get(one))

    def hexdigest(self) -> str:
        """One value for all of them."""
        whole = hashlib.sha256()
        for session_id in sorted(self._sessions):
            whole.update(session_id.encode() + b"\x00" + self._sessions[session_id])
        return whole.hexdigest()


@dataclass(slots=True)
class Report:
    """Counts of what was read, what was new, and what was there before."""

    source: str
    dry_run: bool
    sessions: int = 0
    switches: int = 0
    new_events: int = 0
    known_events: int = 0
    broken: list[Broken] = field(default_factory=list)
    changed: list[Broken] = field(default_factory=list)  # taken, but not letter by letter
    differences: list[Difference] = field(default_factory=list)
    of_source: Digest = field(default_factory=Digest)
    of_log: Digest = field(default_factory=Digest)

    @property
    def same(self) -> bool:
        """Whether the log says what the source says, but for what was erased from it on purpose."""
        return all(one.what == ERASED for one in self.differences)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        facts: dict[str, Any] = {"source": self.source, "dry_run": self.dry_run, "same": self.same}
        facts |= {"sessions": self.sessions, "messages": self.of_source.messages, "switches": self.switches}
        facts |= {"new_events": self.new_events, "known_events": self.known_events}
        facts |= {"digest_source": self.of_source.hexdigest(), "broken": [asdict(one) for one in self.broken]}
        facts["changed"] = [asdict(one) for one in self.changed]
        if not self.dry_run:
            facts |= {"messages_in_log": self.of_log.messages, "digest_log": self.of_log.hexdigest()}
            facts["differences"] = [asdict(one) for one in self.differences]
        return facts

    def lines(self) -> list[str]:
        """For people."""
        verb = "would become" if self.dry_run else "became"
        told = [
            f"{self.sessions} sessions, {self.of_source.messages} messages, {self.switches} hand-overs read",
            f"{self.new_events} {verb} events, {self.known_events} events were there before",
            f"source {self.of_source.hexdigest()}",
        ]
        if not self.dry_run:
            told.append(f"log    {self.of_log.hexdigest()}  ({self.of_log.messages} messages)")
            told.append("both sides say the same" if self.same else "THE SIDES DIFFER")
        rows = [f"{one.table} {one.key}: {one.reason}" for one in self.broken]
        changed = [f"{one.table} {one.key}: {one.reason}" for one in self.changed]
        differing = [f"{one.session_id} {one.key}: {one.what}" for one in self.differences]
        told += _some(f"{len(rows)} rows could not be taken:", rows)
        told += _some(f"{len(changed)} rows were taken, but not letter by letter:", changed)
        return told + _some(f"{len(differing)} messages are not the same on both sides:", differing)


def _some(head: str, lines: list[str]) -> list[str]:
    more = [f"  and {len(lines) - SHOWN} more: --report FILE has them all"] if len(lines) > SHOWN else []
    return [head, *(f"  {line}" for line in lines[:SHOWN]), *more] if lines else []
