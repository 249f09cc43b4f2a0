"""Running texts: chunks in any number, order and repetition never show a wrong text, and never outlive their reply."""

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.replies import Chunk, Replies
from shared.session import OpenReply, SessionState

TEXT = "Grüße, 世界! 👋 and some more words"


def state(attempt: int = 0) -> SessionState:
    return SessionState("s", seq=5, open_replies={"r": OpenReply("r", "c", "p", 3, attempt)})


def chunk(position: int, text: str, attempt: int = 1) -> Chunk:
    return Chunk("r", "c", attempt, position, text)


def text_of(replies: Replies) -> str:
    return str(replies.running(state())[0]["text"])


@given(st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, 8)), max_size=60))
def test_what_is_known_is_always_a_beginning_of_the_text(pieces: list[tuple[int, int]]) -> None:
    replies, shown = Replies(), ""
    for start, length in pieces:
        outcome = replies.take(state(), chunk(start, TEXT[start : start + length]))
        if isinstance(outcome, Chunk):
            assert outcome.position == len(shown)
            shown += outcome.text
        else:
            assert outcome in ("known", "beyond")
        assert text_of(replies) == shown
        assert TEXT.startswith(shown)


def test_a_chunk_after_the_end_is_dropped() -> None:
    assert Replies().take(SessionState("s", seq=9), chunk(0, "late")) == "ended"


def test_a_lower_attempt_is_dropped_and_a_higher_one_begins_anew() -> None:
    replies = Replies()
    assert isinstance(replies.take(state(1), chunk(0, "one")), Chunk)
    assert isinstance(replies.take(state(1), chunk(0, "two", attempt=2)), Chunk)
    assert replies.take(state(1), chunk(3, " more", attempt=1)) == "superseded"
    assert replies.running(state(1))[0] == {
        "reply_id": "r", "chat_id": "c", "purpose": "answer", "parent": "p", "agent": "",
        "attempt": 2, "text": "two", "position": 3,
    }  # fmt: skip
    replies.settle(state(3))
    assert text_of(replies) == ""
    assert replies.take(state(3), chunk(3, "x", attempt=2)) == "superseded"


def test_only_the_new_part_of_an_overlapping_chunk_is_shown() -> None:
    replies = Replies()
    replies.take(state(), chunk(0, "Hel"))
    outcome = replies.take(state(), chunk(1, "ello"))
    assert outcome == chunk(3, "lo")
    assert replies.take(state(), chunk(9, "?")) == "beyond"


def test_what_is_no_chunk_is_none() -> None:
    assert Chunk.read([]) is None
    assert Chunk.read({"reply_id": "r", "chat_id": "c", "attempt": 1, "position": -1, "text": ""}) is None
    assert Chunk.read({"reply_id": "r", "chat_id": "c", "attempt": "1", "position": 0, "text": ""}) is None
