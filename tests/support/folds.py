"""The projector's fold on tables in memory: loaded, changed and written page by page, as on real ones."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Literal

from shared.events import Event, Recorded, SessionCreated, Track
from shared.fold.change import At, Row
from shared.fold.changes import changes
from shared.fold.folding import CHILDREN, Key, Rows, gathered
from tests.support.conversation import envelope
from tests.support.histories import EVENT_IDS

SESSION = "s1"
Tables = dict[At, Row]


def recorded(events: Iterable[Event], track: Track | None = None) -> list[Recorded]:
    """The events in a session of ada's, from position 1 on; its creation comes first."""
    kind: Literal["chat", "track"] = "track" if track else "chat"
    first = SessionCreated(owner="ada", owner_name="Ada", chat_id="c1", title="first", kind=kind, track=track)
    return [
        Recorded(seq, envelope(SESSION, event, event_id=EVENT_IDS[seq], actor_name="Ada"), event)
        for seq, event in enumerate([first, *events], start=1)
    ]


def folded(pages: Iterable[list[Recorded]]) -> Tables:
    """The tables after the pages. Nothing is known of a page but what its changes ask for."""
    tables: Tables = {}
    for page in pages:
        made = [change for event in page for change in changes(event)]
        asked, swept = gathered(made)
        rows = Rows({at: _found(tables, at) for at in asked})
        for sweep in swept:
            for (table, key), row in tables.items():
                fits = table == sweep.table and key[: len(sweep.prefix)] == sweep.prefix
                if fits and (not sweep.column or row[sweep.column] in sweep.among):
                    rows.known.setdefault((table, key), deepcopy(row))
        for change in made:
            rows.apply(change)
        for at in rows.dirty:
            row_now = rows.known[at]
            if row_now is None:
                tables.pop(at, None)
            elif at[0] != CHILDREN:
                tables[at] = row_now
    return tables


def _found(tables: Tables, at: At) -> Row | None:
    if at[0] != CHILDREN:
        return deepcopy(tables.get(at))
    session, follows, role = at[1]
    said = (row for (table, key), row in tables.items() if table == "messages" and key[0] == session)
    return {} if any((row["follows"], row["role"]) == (follows, role) for row in said) else None


def of(tables: Tables, name: str) -> dict[str, Row]:
    """The rows of one table by the last part of their keys."""
    return {str(key[-1]): row for (table, key), row in tables.items() if table == name}


def by_key(tables: Tables, name: str) -> dict[Key, Row]:
    """The rows of one table by their keys."""
    return {key: row for (table, key), row in tables.items() if table == name}
