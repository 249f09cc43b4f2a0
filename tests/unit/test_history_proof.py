"""Proofs of a session: whatever is done to one, it is refused; and what is left out is noticed."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.history import chain, checkpoint
from services.history.audit import proof
from services.history.audit.proof import Refused
from services.history.chain import GENESIS, Anchor, Link

KEY = checkpoint.private_key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
PUBLIC = KEY.public_key().public_bytes_raw()
EPOCH = "0b6f1e0c-5b8e-4b59-93a6-0f0f5c8f2d11"
CREATED = b'{"type":"session.created.v1"}'


def links(sessions: list[str], erased: frozenset[int] = frozenset(), bodies: list[bytes] | None = None) -> list[Link]:
    """A log: at each position an event of the session named there, the first of each its creation."""
    made: list[Link] = []
    last = GENESIS
    for seq, session in enumerate(sessions, start=1):
        first = session not in sessions[: seq - 1]
        body = CREATED if first else bodies[seq - 1] if bodies else f'{{"text":"said at {seq}"}}'.encode()
        digest, subject = chain.digest(body), f"event.{session}"
        last = chain.link(last, EPOCH, seq, 1000 + seq, subject, digest)
        made.append(Link(seq, EPOCH, 1000 + seq, subject, None if seq in erased else body, digest, last))
    return made


def proof_of(session: str, log: list[Link], first: int = 1) -> list[bytes]:
    before = Anchor(first - 1, log[first - 2].hash) if first > 1 else Anchor()
    end = checkpoint.sign(KEY, EPOCH, Anchor(log[-1].seq, log[-1].hash), 5)
    lines = [proof.position_line(session, row) for row in log[first - 1 :]]
    return [proof.head_line(session, before), *lines, proof.last_line(end)]


LOG = links(["b", "a", "b", "a", "c", "a", "b"], erased=frozenset({6}))
GOOD = proof_of("a", LOG, first=2)


def test_a_proof_says_what_was_there() -> None:
    found = proof.check(GOOD, PUBLIC)
    assert (found.session_id, found.first, found.last_event, found.events) == ("a", 2, 6, 3)
    assert (found.without_body, found.whole, found.checkpoint.seq) == ((6,), False, 7)
    assert proof.check(proof_of("a", LOG), PUBLIC).whole


names = st.lists(st.sampled_from("abc"), min_size=1, max_size=12)


@given(names, st.data())
def test_every_session_of_every_log_can_be_proved(sessions: list[str], data: st.DataObject) -> None:
    bodies = [data.draw(st.binary(max_size=20)) for _ in sessions]
    erased = data.draw(st.frozensets(st.integers(1, len(sessions))))
    log = links(sessions, erased, bodies)
    session = data.draw(st.sampled_from(sessions))
    first = 1 if data.draw(st.booleans()) else sessions.index(session) + 1
    if first in erased:
        first = 1
    found = proof.check(proof_of(session, log, first), PUBLIC)
    own = [seq for seq, name in enumerate(sessions, start=1) if name == session]
    assert (found.events, found.last_event) == (len(own), own[-1])
    assert set(found.without_body) == erased & set(own)


@given(st.data())
def test_no_byte_of_a_proof_can_be_changed(data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(range(len(GOOD))))
    line = bytearray(GOOD[place])
    at = data.draw(st.integers(0, len(line) - 1))
    line[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Refused):
        proof.check([*GOOD[:place], bytes(line), *GOOD[place + 1 :]], PUBLIC)


@given(st.data())
def test_no_line_can_be_left_out_doubled_or_moved(data: st.DataObject) -> None:
    lines = list(GOOD)
    place, other = data.draw(st.lists(st.sampled_from(range(len(lines))), min_size=2, max_size=2, unique=True))
    match data.draw(st.sampled_from(["left out", "doubled", "moved"])):
        case "left out":
            del lines[place]
        case "doubled":
            lines.insert(other, lines[place])
        case _:
            lines[place], lines[other] = lines[other], lines[place]
    with pytest.raises(Refused):
        proof.check(lines, PUBLIC)


CHANGES: dict[str, tuple[int, Callable[[dict[str, Any]], object]]] = {
    "format": (0, lambda it: it.update(antiphon_proof=2)),
    "session": (0, lambda it: it.update(session="b")),
    "session is a terminal's command": (0, lambda it: it.update(session="\x1b[2J")),
    "from": (0, lambda it: it.update({"from": 1})),
    "before": (0, lambda it: it.update(before="00" * 32)),
    "more in the head": (0, lambda it: it.update(note="x")),
    "seq": (1, lambda it: it.update(seq=3)),
    "seq is a float": (1, lambda it: it.update(seq=2.0)),
    "epoch": (1, lambda it: it.update(epoch="another")),
    "epoch is none": (1, lambda it: it.update(epoch=None)),
    "time": (1, lambda it: it.update(time_ns=1)),
    "negative time": (1, lambda it: it.update(time_ns=-1)),
    "body": (3, lambda it: it.update(body="never said")),
    "body twice": (3, lambda it: it.update(body_b64="")),
    "more in a line": (3, lambda it: it.update(note="x")),
    "other's subject": (2, lambda it: it.update(subject_digest="00" * 32)),
    "other's body": (2, lambda it: it.update(body_digest="00" * 32)),
    "short digest": (2, lambda it: it.update(body_digest="00")),
    "erased": (5, lambda it: it.update(erased="00" * 32)),
    **{
        f"checkpoint's {name}": (7, lambda it, name=name, value=value: it["checkpoint"].update({name: value}))
        for name, value in {"epoch": "e", "seq": 6, "hash": "00" * 32, "time_ns": 6, "signature": "", "x": 1}.items()
    },
    "checkpoint's key": (7, lambda it: it["checkpoint"].update(public_key=checkpoint.encoded(bytes(32)))),
}


@pytest.mark.parametrize("what", CHANGES)
def test_no_field_can_be_changed(what: str) -> None:
    place, change = CHANGES[what]
    said = orjson.loads(GOOD[place])
    change(said)
    with pytest.raises(Refused):
        proof.check([*GOOD[:place], orjson.dumps(said) + b"\n", *GOOD[place + 1 :]], PUBLIC)


def test_an_event_can_not_be_passed_off_as_another_session_s() -> None:
    own = orjson.loads(GOOD[3])
    hidden = {key: own[key] for key in ("seq", "epoch", "time_ns")} | {
        "subject_digest": chain.digest(b"event.a").hex(),
        "body_digest": chain.digest(own["body"].encode()).hex(),
    }
    with pytest.raises(Refused, match="position 4 is of this session"):
        proof.check([*GOOD[:3], orjson.dumps(hidden) + b"\n", *GOOD[4:]], PUBLIC)
    hidden["subject_digest"] = chain.digest(b"event.b").hex()
    with pytest.raises(Refused, match="the chain does not lead"):
        proof.check([*GOOD[:3], orjson.dumps(hidden) + b"\n", *GOOD[4:]], PUBLIC)


@pytest.mark.parametrize("first", [3, 4])
def test_a_proof_can_not_begin_in_the_middle(first: int) -> None:
    with pytest.raises(Refused, match="begins neither"):
        proof.check(proof_of("a", LOG, first), PUBLIC)


def test_a_line_that_readers_could_read_in_two_ways_is_refused() -> None:
    line = json.dumps({"body": "never said"})[:-1].encode() + b"," + GOOD[3][1:]
    with pytest.raises(Refused, match="two ways"):
        proof.check([*GOOD[:3], line, *GOOD[4:]], PUBLIC)


def test_it_must_be_signed_with_the_key_and_end() -> None:
    with pytest.raises(Refused, match="another key"):
        proof.check(GOOD, bytes(32))
    for lines in (GOOD[:-1], [], [b""], [b"[]\n"], [b'"x"\n'], [b"1\n"], [GOOD[0], b"null\n"], proof_of("z", LOG)):
        with pytest.raises(Refused):
            proof.check(lines, PUBLIC)
