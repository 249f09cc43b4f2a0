"""The hash chain: whatever is done to a row of the log, verifying says where."""

import hashlib
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.history import chain
from services.history.chain import GENESIS, Anchor, Broken, Link

EPOCH = "0b6f1e0c-5b8e-4b59-93a6-0f0f5c8f2d11"


def chained(bodies: list[bytes], epoch: str = EPOCH) -> list[Link]:
    links: list[Link] = []
    last = GENESIS
    for seq, body in enumerate(bodies, start=1):
        body_digest = chain.digest(body)
        last = chain.link(last, epoch, seq, 1_700_000_000_000_000_000 + seq, f"event.s{seq % 3}", body_digest)
        subject = f"event.s{seq % 3}"
        links.append(Link(seq, epoch, 1_700_000_000_000_000_000 + seq, subject, body, body_digest, last))
    return links


bodies = st.lists(st.binary(max_size=40), min_size=2, max_size=12)


def test_the_hash_is_what_the_documentation_says() -> None:
    row = chained([b"one", b"two"])[0]
    parts = bytes(32) + EPOCH.encode() + struct.pack(">qq", 1, row.time_ns)
    parts += hashlib.sha256(b"event.s1").digest() + hashlib.sha256(b"one").digest()
    assert row.hash == hashlib.sha256(parts).digest()


@given(bodies)
def test_what_was_appended_verifies_from_any_anchor(contents: list[bytes]) -> None:
    links = chained(contents)
    assert chain.verify(links) == Anchor(len(links), links[-1].hash)
    for cut in range(len(links)):
        anchor = Anchor(links[cut].seq, links[cut].hash)
        assert chain.verify(links[cut + 1 :], anchor) == Anchor(len(links), links[-1].hash)


@given(bodies, st.data())
def test_erased_bodies_still_verify(contents: list[bytes], data: st.DataObject) -> None:
    links = chained(contents)
    erased = data.draw(st.sets(st.sampled_from(range(len(links)))))
    links = [replace(row, body=None) if place in erased else row for place, row in enumerate(links)]
    assert chain.verify(links).seq == len(links)


@given(bodies, st.data())
def test_a_changed_row_is_named(contents: list[bytes], data: st.DataObject) -> None:
    links = chained(contents)
    place = data.draw(st.sampled_from(range(len(links))))
    row = links[place]
    changed = data.draw(
        st.sampled_from(
            [
                replace(row, body=b"forged" + (row.body or b"")),
                replace(row, body=b"forged", body_digest=chain.digest(b"forged")),
                replace(row, time_ns=row.time_ns + 1),
                replace(row, subject="event.other"),
                replace(row, epoch=EPOCH[:-1] + "2"),
                replace(row, hash=bytes(32)),
            ]
        )
    )
    links[place] = changed
    with pytest.raises(Broken) as broken:
        chain.verify(links)
    assert broken.value.seq == row.seq


@given(bodies, st.data())
def test_a_removed_row_is_named_unless_it_was_the_last(contents: list[bytes], data: st.DataObject) -> None:
    links = chained(contents)
    place = data.draw(st.sampled_from(range(len(links) - 1)))
    removed = links.pop(place)
    with pytest.raises(Broken) as broken:
        chain.verify(links)
    assert broken.value.seq == removed.seq


def test_a_row_rewritten_with_a_matching_hash_breaks_the_next_one() -> None:
    links = chained([b"one", b"two", b"three"])
    forged = chain.digest(b"forged")
    row = links[1]
    rewritten = chain.link(links[0].hash, row.epoch, row.seq, row.time_ns, row.subject, forged)
    links[1] = replace(row, body=b"forged", body_digest=forged, hash=rewritten)
    with pytest.raises(Broken) as broken:
        chain.verify(links)
    assert broken.value.seq == 3
