"""What events change: the same rows however the log is cut into pages, and what the session core says of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.chain import Link
from services.gateway.targets import message_in, object_in
from shared.events import (
    Event,
    MessagePosted,
    Recorded,
    ReplyCompleted,
    ReplyFailed,
    ReplyRequested,
    SessionRenamed,
    Unknown,
    Usage,
    encode,
)
from shared.fold.changes import Edit, changes
from shared.fold.folding import Poison
from shared.session import SessionState, evolve
from tests.support.folds import SESSION, folded, of, recorded
from tests.support.histories import IDS, histories


@given(histories, st.integers(1, 7))
def test_the_size_of_a_page_makes_no_difference(events: list[Event], size: int) -> None:
    log = recorded(events)
    assert folded([log]) == folded([log[at : at + size] for at in range(0, len(log), size)])


@given(histories)
def test_the_rows_say_what_the_session_core_says(events: list[Event]) -> None:
    log = recorded(events)
    state = SessionState(SESSION)
    answered: set[str] = set()
    reopened = False
    for event in log:  # a reply id that is asked for again is the gateway's to refuse: the rows keep the first
        if isinstance(event.event, MessagePosted | ReplyRequested) and event.event.reply_id:
            reopened |= event.event.reply_id in answered
            answered.add(event.event.reply_id)
        state = evolve(state, event)
    tables = folded([log])
    session = of(tables, "sessions")[SESSION]
    assert (session["owner"], session["title"], session["active_chat"]) == (
        state.owner,
        _clean(state.title),
        state.active_chat,
    )
    assert {user: row["read_seq"] for user, row in of(tables, "receipts").items()} == state.receipts
    assert (session["archived_at"] is not None) == state.archived
    assert (session["deleted_at"] is not None) == state.deleted
    people = {user: (row["name"], row["role"], row["since_seq"]) for user, row in of(tables, "participants").items()}
    assert people == {user: (_clean(p.name), p.role, p.since_seq) for user, p in state.participants.items()}
    assert {k: row["name"] for k, row in of(tables, "chats").items()} == {
        k: _clean(chat.name) for k, chat in state.chats.items()
    }
    if not reopened:
        waiting = {k: row["attempts"] for k, row in of(tables, "replies").items() if row["status"] in OPEN}
        assert waiting == {k: reply.attempt for k, reply in state.open_replies.items()}


OPEN = ("requested", "running")


def _clean(text: str) -> str:
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


@given(histories)
def test_counters_are_what_counting_gives(events: list[Event]) -> None:
    tables = folded([recorded(events)])
    session, messages = of(tables, "sessions")[SESSION], of(tables, "messages").values()
    assert session["message_count"] == len(messages)
    for role in ("user", "assistant"):
        assert session[f"{role}_messages"] == sum(row["role"] == role for row in messages)
    assert sum(chat["message_count"] for chat in of(tables, "chats").values()) == len(messages)
    ended = [row for row in of(tables, "replies").values() if row["ended_at"]]
    for status in ("completed", "cancelled", "failed"):
        assert session[f"replies_{status}"] == sum(row["status"] == status for row in ended)
    assert session["input_tokens"] == of(tables, "chats")["c1"]["input_tokens"] == 3 * len(ended)
    assert session["cost_usd"] == sum(row["cost_usd"] or 0 for row in ended)


@given(histories)
def test_the_newest_events_say_of_a_message_what_the_rows_say(events: list[Event]) -> None:
    """The gateway decides by the first, and by the second where a message is older."""
    log = recorded(events)
    rows = of(folded([log]), "messages")
    asked = {e.event.reply_id for e in log if isinstance(e.event, MessagePosted)}
    links = [Link(e.seq, e.seq - 1, encode(e.envelope)) for e in log]
    for message_id in asked & set(IDS) & set(rows):
        row, target = rows[message_id], message_in(links, message_id)
        if row["created_seq"] == next(e.seq for e in log if getattr(e.event, "content", "") and _is_end(e, message_id)):
            assert target is not None
            assert (target.seq, target.chat_id, target.redacted) == (row["seq"], row["chat_id"], row["redacted"])


@given(histories)
def test_the_newest_events_say_of_an_object_what_the_rows_say(events: list[Event]) -> None:
    log = recorded(events)
    links = [Link(e.seq, e.seq - 1, encode(e.envelope)) for e in log]
    rows = of(folded([log]), "objects")
    for name in ("c1", "c2", "c3"):
        target, row = object_in(links, name), rows.get(name)
        assert (target and (target.seq, target.author)) == (row and (row["seq"], row["author"]))


def _is_end(e: Recorded, message_id: str) -> bool:
    return isinstance(e.event, ReplyCompleted) and e.event.reply_id == message_id


def test_a_reply_ends_once() -> None:
    reply = IDS[0]
    tokens = Usage(output_tokens=7)
    base: dict[str, Any] = {"reply_id": reply, "chat_id": "c1", "model": "m", "finish_reason": "stop", "usage": tokens}
    log = recorded(
        [
            MessagePosted(chat_id="c1", content="why?", reply_id=reply),
            ReplyCompleted(attempt=1, content="because", **base),
            ReplyCompleted(attempt=2, content="no, because", **base),
            ReplyFailed(reply_id=reply, chat_id="c1", attempt=2, reason="timeout", message="late"),
        ]
    )
    tables = folded([log])
    assert of(tables, "messages")[reply]["content"] == "because"
    assert of(tables, "sessions")[SESSION]["output_tokens"] == 7
    assert of(tables, "replies")[reply]["status"] == "completed"


def test_of_two_messages_with_one_id_the_first_stays() -> None:
    log = recorded([MessagePosted(chat_id="c1", content="first"), MessagePosted(chat_id="c1", content="second")])
    same = [log[0], log[1], Recorded(3, log[1].envelope.model_copy(update={"actor": "bob"}), log[2].event)]
    tables = folded([same])
    assert [row["content"] for row in of(tables, "messages").values()] == ["first"]
    assert of(tables, "sessions")[SESSION]["message_count"] == 1


def test_a_message_in_a_chat_that_is_not_there_is_poison() -> None:
    with pytest.raises(Poison, match="chats"):
        folded([recorded([MessagePosted(chat_id="nowhere", content="hello")])])


def test_an_unknown_event_changes_nothing() -> None:
    assert changes(recorded([Unknown()])[1]) == []


def test_every_other_event_moves_the_session() -> None:
    made = changes(recorded([SessionRenamed(title="x")])[1])
    assert isinstance(made[-1], Edit)
    assert made[-1].values["last_seq"] == 2
