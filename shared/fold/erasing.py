"""What an erasure leaves of the rows: the same as if the log were folded anew from what is left of it.

Each thing that was said is found by the position of the event that said it. Counts, times, people and places stay.
"""

from collections.abc import Callable
from typing import Any

from shared.events import ContentErased
from shared.fold.change import Change, Edit, Key, Row, Sweep
from shared.fold.rows_said import no_revisions


def erased(e: ContentErased, session: Key, seq: int) -> list[Change]:
    """Nothing of what the named events said is in any row; messages keep their places."""
    seqs = frozenset(e.seqs)
    found: list[Change] = [Sweep(table, session, _set(seq, becomes), column, seqs) for table, column, becomes in _SAID]
    found += [Sweep(table, session, lambda _key, _row: None, "seq", seqs) for table in ("plan_modules", "tracks")]
    for message_id in e.message_ids:
        key = (*session, message_id)
        found += [Edit("messages", key, {"seq": seq}, {}, derive=_tombstone), no_revisions(key)]
    return found


def _tombstone(row: Row) -> Row:
    named = {} if row["model"] else {"author_name": ""}
    return {"content": "", "metadata": {}, "erased": True, **named}


def _no_prompt(row: Row) -> Row:
    return {"ai_context": {name: value for name, value in row["ai_context"].items() if name != "system_prompt"}}


def _set(seq: int, becomes: Callable[[Key, Row], Row]) -> Callable[[Key, Row], Row]:
    return lambda key, row: {**row, **becomes(key, row), "seq": seq}


def _values(**values: Any) -> Callable[[Key, Row], Row]:
    return lambda _key, _row: values


# Where something that was said stands: the table, the column with the position of the event, what is left.
_SAID: tuple[tuple[str, str, Callable[[Key, Row], Row]], ...] = (
    ("sessions", "title_seq", _values(title="")),
    ("sessions", "created_seq", _values(project="", key="")),
    ("sessions", "ai_context_seq", lambda _key, row: _no_prompt(row)),
    ("participants", "since_seq", lambda key, _row: {"name": key[1]}),
    ("chats", "name_seq", _values(name="")),
    ("chats", "ai_context_seq", lambda _key, row: _no_prompt(row)),
    ("messages", "created_seq", lambda _key, row: _tombstone(row)),
    ("agent_switches", "seq", _values(reason="", metadata={})),
    ("replies", "ended_seq", _values(fail_message="", partial="")),
    ("replies", "started_seq", lambda _key, row: {"manifest": {**row["manifest"], "digest": ""}}),
    ("plans", "seq", _values(title="", summary="")),
    ("objects", "seq", _values(payload=None)),
)
