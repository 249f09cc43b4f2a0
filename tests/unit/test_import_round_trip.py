"""What another system held, imported and exported again: the same texts, times and authors, whatever they are."""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ops.importing.events import Made, Maker
from services.ops.importing.old import OldMessage, OldSession
from services.ops.importing.sources import LAYOUTS
from services.ops.importing.sources.database import opened
from shared.transcript import FORMATS, write
from tests.support import old_systems
from tests.support.old_systems import INSTANCES, JSON_TEXTS, THREADS, Rows

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
TIMES = st.integers(0, 2 * 10**9).map(lambda s: datetime.fromtimestamp(s, UTC).replace(tzinfo=None))
SAID = st.lists(st.tuples(TEXTS, st.booleans(), TIMES), max_size=8)

Said = list[tuple[str, bool, datetime]]


def rows_of(layout: str, said: Said) -> tuple[str, Rows]:
    began = "2001-01-01 00:00:00"
    if layout == "json-texts":
        told = [{"role": "user" if u else "ai", "content": c, "timestamp": str(t)} for c, u, t in said]
        return JSON_TEXTS, {"sessions": [("session-1", json.dumps(told), None, began)]}
    if layout == "instances":
        rows = [(n, "session-1", "x", c, 0 if u else 2, str(t), None) for n, (c, u, t) in enumerate(said)]
        return INSTANCES, {"ChatSessions": [("session-1", "ada", "", "T", began, None)], "ChatMessages": rows}
    rows = [(n, 1, None, "user" if u else "ai", c, None, None, str(t)) for n, (c, u, t) in enumerate(said)]
    return THREADS, {"chat_sessions": [(1, "ada", "T", "active", began, None)], "chat_messages": rows}


async def exported(path: Path, layout: str) -> list[dict[str, Any]]:
    """The messages of the one session, as JSON says them."""
    async with opened(str(path)) as database:
        source = LAYOUTS[layout](database, "ada")
        (session,) = [one async for one in source.sessions()]
        assert isinstance(session, OldSession)
        maker = Maker("old", session)
        made = [*maker.opening()]
        made += [maker.message(old) async for old in source.messages(session) if isinstance(old, OldMessage)]
    bodies = [orjson.loads(one.body) for one in made if isinstance(one, Made)]
    assert len(bodies) == len(made), "nothing is broken"
    rows = [
        {"seq": seq, "id": body["id"], "type": body["type"], "time_ns": 0, "body": body}
        for seq, body in enumerate(bodies, start=1)
    ]

    async def pages(after: int) -> dict[str, Any]:
        return {"events": rows[after:], "next": None, "at": len(rows)}

    pieces = [piece async for piece in write(pages, maker.session_id, len(rows), FORMATS["json"]())]
    return [one for one in orjson.loads("".join(pieces))["entries"] if one["kind"] == "message"]


@pytest.mark.parametrize("layout", list(LAYOUTS))
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(said=SAID)
async def test_texts_times_and_authors_come_back(layout: str, said: Said) -> None:
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        path = old_systems.sqlite(Path(name) / "old.db", *rows_of(layout, said))
        found = await exported(path, layout)
    ordered = said if layout == "json-texts" else sorted(said, key=lambda one: one[2])
    assert [one["content"] for one in found] == [content for content, _, _ in ordered]
    assert [one["role"] for one in found] == ["user" if user else "assistant" for _, user, _ in ordered]
    assert [one["time"] for one in found] == [f"{time.isoformat(timespec='milliseconds')}Z" for _, _, time in ordered]
    assert [one["author"] for one in found if one["role"] == "user"] == ["ada"] * sum(user for _, user, _ in said)
    assert len({one["id"] for one in found}) == len(said)
