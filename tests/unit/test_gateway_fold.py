"""However an event is written, it is folded alike; and a live copy says where it is in whatever order it does."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.chain import Copy, Link, live_copy
from services.gateway.fold import Fold
from shared import ids
from shared.events import ContentErased, Event, MessageEdited, MessagePosted, Remains, SessionCreated, encode, wrap

CHAT, MESSAGE = ids.uuid7(), ids.uuid7()
texts = st.text(min_size=1, max_size=40) | st.sampled_from(
    ['"reply_id"', '"type":"session.deleted.v1"', '\\","actor":"eve"']
)
said = st.builds(
    MessagePosted,
    chat_id=st.just(CHAT),
    content=texts,
    metadata=st.dictionaries(texts, texts, max_size=2),
    reply_id=st.none() | st.just(ids.derived(MESSAGE, "reply")),
) | st.builds(MessageEdited, chat_id=st.just(CHAT), message_id=st.just(ids.uuid7()), content=texts)


def written(event: Event, actor: str, event_id: str = MESSAGE) -> bytes:
    return encode(wrap(event, event_id=event_id, session_id="s", source="gateway/test", actor=actor))


CREATED = written(SessionCreated(owner="ann", chat_id=CHAT, title="t"), "ann", ids.uuid7())


def folded(body: bytes) -> Fold:
    fold = Fold("s")
    fold.apply(Link(3, 0, CREATED))
    fold.apply(Link(7, 3, body))
    return fold


@given(said, texts)
def test_an_event_is_folded_alike_in_the_usual_order_of_its_fields_and_in_another(event: Event, actor: str) -> None:
    usual = written(event, actor)
    another = orjson.dumps(dict(sorted(orjson.loads(usual).items())))
    one, other = folded(usual), folded(another)
    assert one.seq_of(actor, MESSAGE) == other.seq_of(actor, MESSAGE) == 7
    assert one.state == other.state
    assert bool(one.state.open_replies) == bool(getattr(event, "reply_id", None))


@pytest.mark.parametrize("field", ["actor", "id"])
def test_an_event_that_is_no_text_keeps_its_place(field: str) -> None:
    whole = written(MessagePosted(chat_id=CHAT, content="x"), "ann")
    broken = whole.replace(b'"%b":"' % field.encode(), b'"%b":"\xff' % field.encode())
    assert broken != whole
    assert folded(broken).state.seq == 7


@pytest.mark.parametrize("count", [50, 800])
def test_events_that_come_together_are_kept_as_those_that_come_one_by_one(count: int) -> None:
    """With one among them that tells what was erased before it."""
    told = ContentErased(
        seqs=[2], message_ids=[], reason="r", remains=[Remains(seq=2, time_ns=1, digest="0" * 64, body={"left": 1})]
    )
    bodies = [CREATED, *(written(MessagePosted(chat_id=CHAT, content="x" * 900), "ann") for _ in range(count))]
    bodies.insert(2, written(told, "dpo"))
    links = [Link(number + 1, number, body) for number, body in enumerate(bodies)]
    together, alone = Fold("s"), Fold("s")
    together.apply(*links)
    for link in links:
        alone.apply(link)
    assert together.recent == alone.recent
    assert together.memory_bytes == alone.memory_bytes
    assert (b'{"left":1}' in [link.body for link in together.recent]) is (count == 50)


PLACE = [b"Nats-Stream: EVENTS", b"Nats-Subject: event.s", b"Nats-Sequence: 12"]
USUAL = [*PLACE, b"Nats-Time-Stamp: 2026-11-21T10:00:00Z", b"Nats-Last-Sequence: 9"]


@pytest.mark.parametrize("lines", [USUAL, [b"Nats-Msg-Id: a", *USUAL], USUAL[::-1], [*PLACE, b"Nats-Last-Sequence: 9"]])
def test_a_live_copy_says_where_it_is(lines: list[bytes]) -> None:
    assert live_copy(b"\r\n".join([b"NATS/1.0", *lines, b"", b""]), b"{}") == Copy(12, 9, b"{}")
