"""What a change of the read models is.

A change names a table, a key and what becomes of the row; `then` follows only if the change took place. So the rules
"the first one wins" and "a reply ends once" are said next to the event that they are about.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Key = tuple[str | int, ...]
Row = dict[str, Any]
At = tuple[str, Key]  # a table and a key: one row
Look = Callable[[At], Row | None]
Guard = Callable[[Mapping[str, Any]], bool]


def always(_row: Mapping[str, Any]) -> bool:
    """No condition."""
    return True


def is_open(row: Mapping[str, Any]) -> bool:
    """A reply that has not ended."""
    return row["status"] in ("requested", "running")


def is_open_before(attempt: int) -> Guard:
    """A reply that has not ended, and has not been begun by this attempt or a later one."""
    return lambda row: is_open(row) and row["attempts"] < attempt


def is_shown(row: Mapping[str, Any]) -> bool:
    """A message that was neither redacted nor erased."""
    return not row["redacted"] and not row["erased"]


def has_read_less(seq: int) -> Guard:
    """A receipt that does not reach as far."""
    return lambda row: bool(row["read_seq"] < seq)


@dataclass(frozen=True, slots=True)
class Put:
    """The row comes into being, unless there is one with this key: the first one wins.

    `derive` says what else is in the row, and what else follows, by looking at the rows in `reads`.
    """

    table: str
    key: Key
    values: Row
    then: tuple["Change", ...] = ()
    derive: "Callable[[Look], Derived] | None" = None
    reads: tuple[At, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """`values` are set and `amounts` added, if the row is there and the guard holds. `derive` adds values to set."""

    table: str
    key: Key
    values: Row
    amounts: Mapping[str, Any]
    only: Guard = always
    then: tuple["Change", ...] = ()
    derive: Callable[[Row], Row] | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """The row is gone."""

    table: str
    key: Key


@dataclass(frozen=True, slots=True)
class Sweep:
    """Every row whose key begins with `prefix`, and that has one of `among` in `column` (any, without one), becomes
    what `becomes` makes of it; None: it is gone.
    """

    table: str
    prefix: Key
    becomes: Callable[[Key, Row], Row | None]
    column: str = ""
    among: frozenset[Any] = frozenset()


Change = Put | Edit | Drop | Sweep
Derived = tuple[Row, tuple[Change, ...]]
