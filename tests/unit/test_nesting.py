"""What is nested more deeply than every parser on its way can take is refused before it is stored."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from services.ops.importing.events import Made, Maker
from services.ops.importing.old import Broken, OldMessage, OldSession, OldSwitch
from shared import ids
from shared.events import MessagePosted, decode, encode, wrap
from shared.nesting import MOST_LEVELS, is_too_deep
from shared.session.commands import SendMessage


def nested(levels: int, kind: type = dict) -> Any:
    """A value of so many objects, or arrays, inside each other."""
    found: Any = kind()
    for _ in range(levels - 1):
        found = {"a": found} if kind is dict else [found]
    return found


@pytest.mark.parametrize("kind", [dict, list])
def test_so_many_levels_and_no_more(kind: type) -> None:
    assert not is_too_deep(nested(MOST_LEVELS, kind))
    assert is_too_deep(nested(MOST_LEVELS + 1, kind))
    assert is_too_deep([{"b": 1}, nested(MOST_LEVELS, kind)])
    assert not is_too_deep("text")
    assert not is_too_deep([[]] * 10_000)


def test_metadata_has_a_depth_that_everybody_can_read() -> None:
    session_id = ids.uuid7()
    with pytest.raises(ValidationError, match="levels deep"):
        SendMessage(id=ids.uuid7(), session_id=session_id, content="x", metadata=nested(MOST_LEVELS + 1))
    command = SendMessage(id=ids.uuid7(), session_id=session_id, content="x", metadata=nested(MOST_LEVELS))
    event = MessagePosted(chat_id="c", content="x", metadata=command.metadata)
    body = encode(wrap(event, event_id=command.id, session_id=session_id, source="gateway/a", actor="ann"))
    assert decode(1, body).event == event
    assert orjson.loads(body)["data"]["metadata"] == command.metadata


def test_what_another_system_held_is_no_deeper_either() -> None:
    at = datetime(2024, 5, 1, tzinfo=UTC)
    maker = Maker("old", OldSession("session-1", at))
    for levels, fits in ((MOST_LEVELS, True), (MOST_LEVELS + 1, False)):
        metadata = nested(levels)
        message = maker.message(OldMessage("7", at, "user", "hello", metadata=metadata))
        switch = maker.switch(OldSwitch("8", at, "critic", metadata=metadata))
        for made in (message, switch):
            assert isinstance(made, Made) == fits, made
            assert fits or (isinstance(made, Broken) and "levels deep" in made.reason)
