"""A gateway and erased events: in memory, from the stream, and while nothing else answers."""

from typing import Any

import orjson

from services.gateway.chain import Link
from services.gateway.fold import Fold
from shared import ids, subjects
from shared.bus.connection import Bus
from shared.bus.direct import Stored
from shared.bus.erased import told_in, with_remains
from shared.events import ContentErased, MessagePosted, Remains, SessionCreated, encode, wrap
from shared.events.remains import ERASED, remains
from tests.support.eventually import eventually
from tests.support.feeds import ANN, BOB, Client, gateway

SECRET = "nightingale"


def body(event: Any, **options: Any) -> bytes:
    made = {"event_id": ids.uuid7(), "session_id": "s", "source": "gateway/test", "actor": "ann"} | options
    return encode(wrap(event, **made))


def erasure(of: dict[int, bytes], session_id: str = "s") -> bytes:
    """The event that erases these bodies."""
    left = [Remains(seq=seq, time_ns=1, digest="0" * 64, body=remains(orjson.loads(one))) for seq, one in of.items()]
    message_ids = [orjson.loads(one)["id"] for one in of.values()]
    event = ContentErased(seqs=list(of), message_ids=message_ids, reason="asked for", remains=left)
    return body(event, session_id=session_id, actor="dpo")


def test_memory_keeps_places_and_forgets_words() -> None:
    fold = Fold("s")
    first = body(SessionCreated(owner="ann", chat_id="c", title=SECRET))
    said = body(MessagePosted(chat_id="c", content=SECRET))
    fold.apply(Link(1, 0, first))
    fold.apply(Link(4, 1, said))
    size = fold.memory_bytes
    fold.apply(Link(7, 4, erasure({1: first, 4: said})))
    assert SECRET not in str(fold.recent) + str(fold.state)
    assert [(link.seq, link.prev) for link in fold.recent] == [(1, 0), (4, 1), (7, 4)]
    assert ERASED.encode() in (fold.body_at(4) or b"")
    assert fold.state.exists
    assert fold.memory_bytes > size
    assert fold.seq_of("ann", orjson.loads(said)["id"]) == 4, "its id is still known"


def test_what_the_stream_lost_is_told_by_what_erased_it() -> None:
    said = {seq: body(MessagePosted(chat_id="c", content=f"{SECRET} {seq}")) for seq in (2, 3, 5)}
    left = [Stored(4, "event.s", b"{}", {}), Stored(9, "event.s", erasure(said), {})]
    assert [one.seq for one in with_remains(left, 0)] == [2, 3, 4, 5, 9]
    assert [one.seq for one in with_remains(left, 3)] == [4, 5, 9]
    assert SECRET not in str(with_remains(left, 0))
    assert with_remains(left[:1], 0) == left[:1]
    liar = body(MessagePosted(chat_id="c", content='{"type":"content.erased.v1"}'))
    assert told_in(liar) == {}


async def test_a_session_opened_without_history_and_projector_shows_tombstones(nats_url: str) -> None:
    async with gateway(nats_url) as one:
        made = await one.created()
        await one.joined_by(made.session_id, BOB)
        said = await one.send(made.session_id, SECRET)
        await one.send(made.session_id, "something else", BOB)
        bob = Client("bob")
        await bob.join(one, made.session_id)
        stored = await one.reader.at(subjects.EVENTS, said.seq)
        assert stored is not None
        await erase(one.bus, made.session_id, {said.seq: stored.body})
        await eventually(lambda: len(bob.seen) == 1)
        async with gateway(nats_url, "gateway/late", make_stream=False) as late:
            for where in (one, late):
                again = Client("bob")
                snapshot = await again.join(where, made.session_id)
                shown = [(row["content"], row.get("erased", False)) for row in snapshot["messages"]]
                assert shown == [("", True), ("something else", False)]
                assert SECRET not in str(snapshot)
            after = await late.send(made.session_id, "and on", ANN)
            await eventually(lambda: bob.at == after.seq)
            assert SECRET not in str(bob.bodies)


async def erase(bus: Bus, session_id: str, bodies: dict[int, bytes]) -> None:
    """As history does: the record first, then the messages."""
    await bus.js.publish(subjects.event(session_id), erasure(bodies, session_id))
    for seq in bodies:
        await bus.js.delete_msg(subjects.EVENTS, seq)
