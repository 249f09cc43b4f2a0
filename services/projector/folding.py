"""Carrying changes out on rows in memory: the rows that a page of events touches, before and after."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.projector.change import At, Change, Drop, Edit, Key, Put, Row, Sweep

# A row of the first needs one of the second, found by these columns of it.
PARENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "participants": ("sessions", ("session_id",)),
    "chats": ("sessions", ("session_id",)),
    "objects": ("sessions", ("session_id",)),
    "tracks": ("sessions", ("session_id",)),
    "messages": ("chats", ("session_id", "chat_id")),
    "replies": ("chats", ("session_id", "chat_id")),
    "agent_contexts": ("chats", ("session_id", "chat_id")),
    "agent_switches": ("chats", ("session_id", "chat_id")),
    "plans": ("chats", ("session_id", "chat_id")),
}
CHILDREN = "children"  # no table: whether a message (its session and id) has a sequel of a role
REQUIRED = ("sessions", "chats")  # an edit of what is not there is poison here; elsewhere it is passed over


class Poison(ValueError):
    """An event that can't be folded."""


def gathered(of: Iterable[Change]) -> tuple[set[At], list[Sweep]]:
    """Every row that the changes could read or write; and the sweeps, which find theirs by what is in them."""
    found: set[At] = set()
    swept: list[Sweep] = []
    left = list(of)
    while left:
        change = left.pop()
        if isinstance(change, Sweep):
            swept.append(change)
            continue
        found.add((change.table, change.key))
        if isinstance(change, Put):
            found.update(change.reads)
            if change.table in PARENTS:
                found.add((PARENTS[change.table][0], _parent_key(change)))
            left += change.then
        elif isinstance(change, Edit):
            left += change.then
    return found, swept


def _parent_key(put: Put) -> Key:
    # `chat_id` is part of the key of some tables and a value of others.
    _, columns = PARENTS[put.table]
    return (put.key[0],) if len(columns) == 1 else (put.key[0], put.values.get("chat_id") or put.key[1])


@dataclass(slots=True)
class Rows:
    """Rows by table and key; None where there is none. Only what was loaded may be asked for."""

    known: dict[At, Row | None] = field(default_factory=dict)
    dirty: set[At] = field(default_factory=set)

    def apply(self, change: Change) -> None:
        """The rows are as the change says.

        Raises:
            Poison: it is about a session or chat that there isn't.
        """
        if isinstance(change, Sweep):
            self._sweep(change)
            return
        at = (change.table, change.key)
        row = self.known.get(at)
        match change:
            case Put():
                if row is not None:
                    return
                self._require_parent(change)
                derived, more = change.derive(self.known.get) if change.derive else ({}, ())
                self._write(at, {**change.values, **derived})
                following = (*more, *change.then)
            case Edit():
                if row is None and change.table in REQUIRED:
                    raise Poison(f"no row in {change.table} for {'/'.join(map(str, change.key))}")
                if row is None or not change.only(row):
                    return
                derived = change.derive(row) if change.derive else {}
                added = {name: row[name] + amount for name, amount in change.amounts.items()}
                self._write(at, {**row, **change.values, **derived, **added})
                following = change.then
            case Drop():
                self._write(at, None)
                return
        for one in following:
            self.apply(one)

    def _sweep(self, sweep: Sweep) -> None:
        for (table, key), row in list(self.known.items()):
            if table != sweep.table or row is None or key[: len(sweep.prefix)] != sweep.prefix:
                continue
            if not sweep.column or row[sweep.column] in sweep.among:
                self._write((table, key), sweep.becomes(key, row))

    def _write(self, at: At, row: Row | None) -> None:
        self.known[at] = row
        self.dirty.add(at)

    def _require_parent(self, put: Put) -> None:
        if put.table in PARENTS and self.known.get((PARENTS[put.table][0], _parent_key(put))) is None:
            raise Poison(f"no row in {PARENTS[put.table][0]} for {'/'.join(map(str, _parent_key(put)))}")
