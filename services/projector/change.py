"""What a change of the read models is.

A change names a table, a key and what becomes of the row; `then` follows only if the change took place. So the rules
"the first one wins" and "a reply ends once" are said next to the event that they are about.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Key = tuple[str, ...]
Row = dict[str, Any]
Guard = Callable[[Mapping[str, Any]], bool]


def always(_row: Mapping[str, Any]) -> bool:
    """No condition."""
    return True


def is_open(row: Mapping[str, Any]) -> bool:
    """A reply that has not ended."""
    return row["status"] in ("requested", "running")


def is_open_before(attempt: int) -> Guard:
    """A reply that has not ended, and has not been begun by this attempt or a later one."""
    return lambda row: is_open(row) and row["attempt"] < attempt


def is_shown(row: Mapping[str, Any]) -> bool:
    """A message that was not redacted."""
    return not row["redacted"]


def has_read_less(seq: int) -> Guard:
    """A participant who has not read up to there."""
    return lambda row: bool(row["read_seq"] < seq)


@dataclass(frozen=True, slots=True)
class Put:
    """The row comes into being, unless there is one with this key: the first one wins."""

    table: str
    key: Key
    values: Row
    then: tuple["Change", ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """`values` are set and `amounts` added, if the row is there and the guard holds."""

    table: str
    key: Key
    values: Row
    amounts: Mapping[str, int]
    only: Guard = always
    then: tuple["Change", ...] = ()


@dataclass(frozen=True, slots=True)
class Drop:
    """The row is gone."""

    table: str
    key: Key


Change = Put | Edit | Drop
