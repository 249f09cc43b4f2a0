"""Erasure in the rows: nothing that was said is left, and they are those of a log that never held it."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from shared.events import ContentErased, Event, MessageEdited, MessagePosted, Recorded, Track, decode, encode
from shared.events.remains import remains
from tests.support.conversation import envelope
from tests.support.folds import SESSION, Tables, by_key, folded, of, recorded
from tests.support.histories import EVENT_IDS, histories, tracks


def blanked(event: Recorded) -> Recorded:
    """The event as the log has it once it is erased."""
    return decode(event.seq, orjson.dumps(remains(orjson.loads(encode(event.envelope)))))


def erasure(log: list[Recorded], seqs: list[int]) -> Recorded:
    """The order to erase these positions, as history writes it."""
    chosen = [event for event in log if event.seq in seqs]
    found = {_message_of(event) for event in chosen} - {None}
    event = ContentErased(seqs=sorted(seqs), message_ids=sorted(str(one) for one in found), reason="asked for")
    return Recorded(log[-1].seq + 1, envelope(SESSION, event, actor="svc/ops"), event)


def _message_of(event: Recorded) -> Any:
    match event.event:
        case MessagePosted():
            return event.envelope.id
        case MessageEdited() as e:
            return e.message_id
        case _:
            return getattr(event.event, "reply_id", None) if getattr(event.event, "content", "") else None


@given(histories, tracks, st.data(), st.integers(1, 7))
def test_rows_that_saw_it_are_like_rows_that_never_did(
    events: list[Event], track: Track | None, data: st.DataObject, size: int
) -> None:
    log = recorded(events, track)
    seqs = data.draw(st.lists(st.integers(1, len(log)), unique=True, min_size=1))
    order = erasure(log, seqs)
    lived: Tables = folded([*([event] for event in log), [order]])
    left = [*(blanked(event) if event.seq in seqs else event for event in log), order]
    assert lived == folded([left[at : at + size] for at in range(0, len(left), size)])


def test_a_message_keeps_its_place_and_loses_every_wording() -> None:
    log = recorded(
        [
            MessagePosted(chat_id="c1", content="secret", metadata={"where": "secret"}),
            MessageEdited(message_id=EVENT_IDS[2], chat_id="c1", content="another secret"),
            MessagePosted(chat_id="c1", content="kept"),
        ]
    )
    before = folded([log])
    (revision,) = by_key(before, "message_revisions").values()
    assert (revision["content"], revision["made_seq"]) == ("secret", 2)
    after = folded([log, [erasure(log, [2, 3])]])
    assert "secret" not in repr(after)
    row = of(after, "messages")[EVENT_IDS[2]]
    assert (row["content"], row["erased"], row["created_seq"], row["author"]) == ("", True, 2, "ada")
    assert by_key(after, "message_revisions") == {}
    assert of(after, "sessions")[SESSION]["message_count"] == 2


def test_an_erased_message_is_not_edited_any_more() -> None:
    log = recorded([MessagePosted(chat_id="c1", content="secret")])
    order = erasure(log, [2])
    late = MessageEdited(message_id=EVENT_IDS[2], chat_id="c1", content="again")
    after = folded([[*log, order, Recorded(4, envelope(SESSION, late), late)]])
    assert of(after, "messages")[EVENT_IDS[2]]["content"] == ""
