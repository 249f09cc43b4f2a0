"""Threads: which message stands before which, where people branch off and regenerate."""

from shared.events import Event, MessagePosted, ReplyCompleted, ReplyRequested, Usage
from tests.support.folds import folded, of, recorded
from tests.support.histories import EVENT_IDS, IDS

# The event at position n has the id EVENT_IDS[n]; the session's creation is at 1.


def said(parent: str | None = None, reply_id: str | None = None) -> MessagePosted:
    return MessagePosted(chat_id="c1", content="hello", parent=parent, reply_id=reply_id)


def answer(reply_id: str, parent: str | None) -> ReplyCompleted:
    return ReplyCompleted(
        reply_id=reply_id, chat_id="c1", attempt=1, content="hi", model="m", finish_reason="stop", usage=Usage(),
        parent=parent,
    )  # fmt: skip


def threads(*events: Event) -> dict[int, int]:
    """The position of each message, and of the one before it in its thread. One event a page: nothing is in memory."""
    tables = folded([event] for event in recorded(events))
    return {row["created_seq"]: row["after_seq"] for row in of(tables, "messages").values()}


def test_a_conversation_is_one_thread() -> None:
    prompt, reply = EVENT_IDS[2], IDS[0]
    assert threads(said(reply_id=reply), answer(reply, prompt), said(), said()) == {2: 0, 3: 2, 4: 3, 5: 4}


def test_a_message_sent_again_begins_beside_the_first_one() -> None:
    first, reply = EVENT_IDS[2], IDS[0]
    events = [said(reply_id=reply), answer(reply, first), said(), said(parent=reply), said()]
    assert threads(*events) == {2: 0, 3: 2, 4: 3, 5: 3, 6: 5}, "the message at 4 is out of the thread of 5 and 6"


def test_a_chat_is_begun_anew_at_its_root() -> None:
    assert threads(said(), said(), said(parent="root"), said()) == {2: 0, 3: 2, 4: 0, 5: 4}


def test_an_answer_regenerated_stands_beside_the_other() -> None:
    prompt, first, second = EVENT_IDS[2], IDS[0], IDS[1]
    again = ReplyRequested(reply_id=second, chat_id="c1", purpose="regenerate", message_id=first, parent=prompt)
    events = [said(reply_id=first), answer(first, prompt), said(), again, answer(second, prompt), said()]
    assert threads(*events) == {2: 0, 3: 2, 4: 3, 6: 2, 7: 6}


def test_a_greeting_regenerated_is_an_opening_too() -> None:
    first, second = IDS[0], IDS[1]
    greet = ReplyRequested(reply_id=first, chat_id="c1", purpose="greet")
    again = ReplyRequested(reply_id=second, chat_id="c1", purpose="regenerate", message_id=first)
    assert threads(greet, answer(first, None), said(), again, answer(second, None)) == {3: 0, 4: 3, 6: 0}


def test_what_others_said_meanwhile_stays_in_the_thread() -> None:
    mine, his, reply, other = EVENT_IDS[2], EVENT_IDS[3], IDS[0], IDS[1]
    events = [said(reply_id=reply), said(reply_id=other), answer(reply, mine), answer(other, his)]
    assert threads(*events) == {2: 0, 3: 2, 4: 3, 5: 4}


def test_a_parent_that_is_not_in_the_chat_is_none() -> None:
    assert threads(said(), said(parent=EVENT_IDS[30])) == {2: 0, 3: 2}
