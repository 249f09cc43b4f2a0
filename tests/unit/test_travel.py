"""Time travel: however little is kept in memory, it is the session that was."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.events import Event, Recorded, Track
from shared.fold.travel import Past
from tests.support.folds import SESSION, recorded
from tests.support.histories import histories, tracks

KEPT = 3


def travelled(log: list[Recorded], forget_every: int) -> dict[str, Any]:
    past = Past(SESSION, KEPT)
    for event in log:
        past.take(event, is_erased=False)
        if event.seq % forget_every == 0:
            past.forget()
    shown = past.snapshot()
    assert shown is not None
    every = {chat["chat_id"]: past.snapshot(chat["chat_id"]) for chat in shown["chats"]}
    for one in (shown, *every.values()):
        for message in one["messages"] if one else ():
            del message["after"]  # what is forgotten can't be followed: the tables are asked for it
    assert every.get(shown["active_chat"], shown) == shown
    return {"active": shown, **every}


@given(histories, tracks, st.integers(1, 9))
def test_what_is_forgotten_is_not_missed(events: list[Event], track: Track | None, every: int) -> None:
    log = recorded(events, track)
    assert travelled(log, every) == travelled(log, 10_000)


def test_before_its_first_event_there_was_no_session() -> None:
    assert Past(SESSION, KEPT).snapshot() is None
