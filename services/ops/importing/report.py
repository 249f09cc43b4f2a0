"""What an import came to: counts and digests of both sides, and every row that could not be taken."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.ops.importing.old import Broken

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
    of_source: Digest = field(default_factory=Digest)
    of_log: Digest = field(default_factory=Digest)

    @property
    def same(self) -> bool:
        """Whether the log says what the source says."""
        return self.dry_run or not self.of_source.differing(self.of_log)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        facts: dict[str, Any] = {"source": self.source, "dry_run": self.dry_run, "same": self.same}
        facts |= {"sessions": self.sessions, "messages": self.of_source.messages, "switches": self.switches}
        facts |= {"new_events": self.new_events, "known_events": self.known_events}
        facts |= {"digest_source": self.of_source.hexdigest(), "broken": [_row(one) for one in self.broken]}
        if not self.dry_run:
            facts |= {"messages_in_log": self.of_log.messages, "digest_log": self.of_log.hexdigest()}
            facts["differing_sessions"] = self.of_source.differing(self.of_log)
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
            told.append("both sides say the same" if self.same else "THE SIDES DIFFER: see differing_sessions")
        if self.broken:
            told.append(f"{len(self.broken)} rows could not be taken:")
            told += [f"  {one.table} {one.key}: {one.reason}" for one in self.broken[:SHOWN]]
        if len(self.broken) > SHOWN:
            told.append(f"  and {len(self.broken) - SHOWN} more: --report FILE has them all")
        return told


def _row(one: Broken) -> dict[str, str]:
    return {"table": one.table, "key": one.key, "reason": one.reason}
