"""Carrying changes out on rows in memory: the rows that a page of events touches, before and after."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from services.projector.change import Change, Drop, Edit, Key, Put, Row

# A row of the first needs one of the second, found by these columns of it.
PARENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "participants": ("sessions", ("session_id",)),
    "chats": ("sessions", ("session_id",)),
    "objects": ("sessions", ("session_id",)),
    "messages": ("chats", ("session_id", "chat_id")),
    "replies": ("chats", ("session_id", "chat_id")),
}
REQUIRED = ("sessions", "chats")  # an edit of what is not there is poison here; elsewhere it is passed over


class Poison(ValueError):
    """An event that can't be folded."""


def keys(of: Iterable[Change]) -> Iterator[tuple[str, Key]]:
    """Every row that the changes could read or write."""
    for change in of:
        yield change.table, change.key
        if isinstance(change, Put) and change.table in PARENTS:
            yield PARENTS[change.table][0], _parent_key(change)
        if not isinstance(change, Drop):
            yield from keys(change.then)


def _parent_key(put: Put) -> Key:
    _, columns = PARENTS[put.table]
    return tuple(put.key[0] if column == "session_id" else put.values[column] for column in columns)


@dataclass(slots=True)
class Rows:
    """Rows by table and key; None where there is none. Only what was loaded may be asked for."""

    known: dict[tuple[str, Key], Row | None] = field(default_factory=dict)
    dirty: set[tuple[str, Key]] = field(default_factory=set)

    def apply(self, change: Change) -> None:
        """The rows are as the change says.

        Raises:
            Poison: it is about a session or chat that there isn't.
        """
        at = (change.table, change.key)
        row = self.known.get(at)
        match change:
            case Put():
                if row is not None:
                    return
                self._require_parent(change)
                self._write(at, dict(change.values))
            case Edit():
                if row is None and change.table in REQUIRED:
                    raise Poison(f"no row in {change.table} for {'/'.join(change.key)}")
                if row is None or not change.only(row):
                    return
                added = {name: row[name] + amount for name, amount in change.amounts.items()}
                self._write(at, {**row, **change.values, **added})
            case Drop():
                self._write(at, None)
                return
        for following in change.then:
            self.apply(following)

    def _write(self, at: tuple[str, Key], row: Row | None) -> None:
        self.known[at] = row
        self.dirty.add(at)

    def _require_parent(self, put: Put) -> None:
        if put.table in PARENTS and self.known.get((PARENTS[put.table][0], _parent_key(put))) is None:
            raise Poison(f"no row in {PARENTS[put.table][0]} for {'/'.join(_parent_key(put))}")
