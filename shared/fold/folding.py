"""Carrying changes out on rows in memory: the rows that a page of events touches, before and after."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.fold.change import At, Change, Drop, Edit, Key, Put, Row, Sweep

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
        following: Iterable[Change] = ()
        match change:
            case Edit():
                following = self._edit(change)
            case Put():
                following = self._put(change)
            case Drop():
                self._write((change.table, change.key), None)
            case Sweep():
                self._sweep(change)
        for one in following:
            self.apply(one)

    def _edit(self, edit: Edit) -> Iterable[Change]:
        at = (edit.table, edit.key)
        row = self.known.get(at)
        if row is None:
            if edit.table in REQUIRED:
                raise Poison(f"no row in {edit.table} for {'/'.join(map(str, edit.key))}")
            return ()
        if not edit.only(row):
            return ()
        derived = edit.derive(row) if edit.derive else {}
        row.update(edit.values)  # in place: it belongs to nobody else
        row.update(derived)
        for name, amount in edit.amounts.items():
            row[name] += amount
        self.dirty.add(at)
        return edit.then

    def _put(self, put: Put) -> Iterable[Change]:
        at = (put.table, put.key)
        if self.known.get(at) is not None:
            return ()
        self._require_parent(put)
        derived, more = put.derive(self.known.get) if put.derive else ({}, ())
        self._write(at, {**put.values, **derived})
        return (*more, *put.then)

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
