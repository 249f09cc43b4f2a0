"""What is left of an erased event: everything that a fold needs, and nothing that was said."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids
from shared.events import (
    CATALOGUE,
    ContentErased,
    Event,
    MessagePosted,
    Recorded,
    Remains,
    ReplyCompleted,
    SessionCreated,
    Usage,
    decode,
    encode,
    wrap,
)
from shared.events.remains import ERASED, SAID, remains, says_something
from shared.session import SessionState, evolve
from tests.support.histories import histories

SECRET = "the-secret-words"

# Ids, numbers, names of parts, choices out of a list: nobody says anything in them, so they may stay.
NOT_SAID = {
    "owner", "owner_guest", "guest", "chat_id", "kind", "reply_id", "role", "expires_at", "user", "invite_id",
    "chat_type", "agent", "previous",
    "parent", "message_id", "target", "purpose", "attempt", "model", "finish_reason", "usage", "first_token_ms",
    "total_ms", "up_to_seq", "seqs", "message_ids", "reason", "remains",
}  # fmt: skip


def body(event: Event, **options: Any) -> dict[str, Any]:
    made = wrap(event, event_id=ids.uuid7(), session_id="s", source="gateway/g", actor="ada", **options)
    found: dict[str, Any] = orjson.loads(encode(made))
    return found


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=lambda kind: kind.TYPE)
def test_every_field_of_every_event_is_either_said_or_can_stay(kind: type[Event]) -> None:
    if kind is not ContentErased:
        open_to_question = set(kind.model_fields) - set(SAID.get(kind, {})) - NOT_SAID
        assert not open_to_question, "decide whether erasing the event takes these away"


@given(histories)
def test_a_session_folds_to_the_same_people_chats_and_replies_without_what_was_said(history: list[Event]) -> None:
    whole, left = SessionState("s"), SessionState("s")
    for seq, event in enumerate(history, start=1):
        full = body(event, actor_name=SECRET)
        bare = decode(seq, orjson.dumps(remains(full)))
        whole, left = evolve(whole, decode(seq, orjson.dumps(full))), evolve(left, bare)
        assert isinstance(bare, Recorded)
        assert bare.envelope.id == full["id"]
    assert (left.seq, left.exists, left.owner, left.active_chat) == (
        whole.seq, whole.exists, whole.owner, whole.active_chat,
    )  # fmt: skip
    assert left.participants.keys() == whole.participants.keys()
    assert {chat.chat_id: chat.agent for chat in left.chats.values()} == {
        chat.chat_id: chat.agent for chat in whole.chats.values()
    }
    assert left.open_replies == whole.open_replies


@given(histories)
def test_nothing_that_was_said_is_left(history: list[Event]) -> None:
    for event in history:
        full = body(event, actor_name=SECRET)
        for field in SAID.get(type(event), {}):
            if isinstance(full["data"].get(field), str) and full["data"][field]:
                full["data"][field] = SECRET
        left = remains(full)
        assert SECRET not in orjson.dumps(left).decode()
        assert left["nonce"] != full["nonce"]
        assert remains(left) == left


@given(histories, st.data())
def test_a_session_that_saw_the_erasure_is_like_one_that_never_saw_the_words(
    history: list[Event], data: st.DataObject
) -> None:
    seqs = data.draw(st.lists(st.integers(1, max(1, len(history))), unique=True, min_size=1))
    whole, left = SessionState("s"), SessionState("s")
    for seq, event in enumerate(history, start=1):
        full = body(event, actor_name="Ada")
        whole = evolve(whole, decode(seq, orjson.dumps(full)))
        left = evolve(left, decode(seq, orjson.dumps(remains(full) if seq in seqs else full)))
    erasure = body(ContentErased(seqs=seqs, reason="asked for"))
    erased = decode(len(history) + 1, orjson.dumps(erasure))
    assert evolve(whole, erased) == evolve(left, erased)


def test_a_reply_whose_end_was_erased_has_ended_and_one_whose_prompt_was_is_known_by_it() -> None:
    first, second = ids.uuid7(), ids.uuid7()
    said = [
        SessionCreated(owner="ada", chat_id="c"),
        MessagePosted(chat_id="c", content="hi", reply_id=first),
        MessagePosted(chat_id="c", content="and?", reply_id=second),
    ]
    state = SessionState("s")
    for seq, event in enumerate(said, start=1):
        state = evolve(state, decode(seq, orjson.dumps(body(event))))
    end = ReplyCompleted(
        reply_id=first, chat_id="c", attempt=1, content="ho", model="m", finish_reason="stop", usage=Usage()
    )
    left = [Remains(seq=4, time_ns=1, digest="0" * 64, body=remains(body(end)))]
    erasure = ContentErased(seqs=[4], reason="asked for", remains=[*left, Remains(seq=5, time_ns=1, digest="0" * 64)])
    state = evolve(state, decode(6, orjson.dumps(body(erasure))))
    assert [(it.reply_id, it.erased) for it in state.open_replies.values()] == [(second, False)]
    prompt = body(ContentErased(seqs=[3], reason="asked for"))
    state = evolve(state, decode(7, orjson.dumps(prompt)))
    assert [(it.reply_id, it.erased) for it in state.open_replies.values()] == [(second, True)]


def test_only_what_says_something_has_to_be_erased() -> None:
    from shared.events import ReceiptRead, Unknown

    assert says_something(body(MessagePosted(chat_id="c", content="hi")))
    assert not says_something(body(ReceiptRead(user="ada", up_to_seq=3)))
    assert says_something(body(ReceiptRead(user="ada", up_to_seq=3), actor_name="Ada"))
    assert not says_something(body(ContentErased(seqs=[1], reason="asked for"), actor_name="Ada"))
    later = body(Unknown()) | {"type": "message.sung.v1", "data": {"tune": "la"}}
    assert remains(later)["data"] == {}
    silent = ReplyCompleted(
        reply_id=ids.uuid7(), chat_id="c", attempt=1, content="", model="m", finish_reason="cancelled", usage=Usage()
    )
    assert remains(body(silent))["data"]["content"] == "", "it makes no message, erased or not"
    assert remains(body(MessagePosted(chat_id="c", content="hi")))["data"]["content"] == ERASED
