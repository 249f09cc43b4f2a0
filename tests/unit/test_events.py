"""Events on the wire."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids
from shared.events import CATALOGUE, MalformedEventError, MessagePosted, Unknown, decode, encode, wrap


def posted(**fields: Any) -> bytes:
    event = MessagePosted(chat_id="c", **{"content": "hi", **fields})
    return encode(wrap(event, event_id=ids.uuid7(), session_id="s", source="gateway/g1", actor="ada"))


@given(st.text(), st.dictionaries(st.text(), st.integers(-(2**53), 2**53) | st.text() | st.none()))
def test_what_was_said_comes_back_as_it_was_said(content: str, metadata: dict[str, Any]) -> None:
    body = posted(content=content, metadata=metadata)
    recorded = decode(7, body)
    assert recorded.seq == 7
    assert recorded.event == MessagePosted(chat_id="c", content=content, metadata=metadata)
    assert b"\n" not in body, "frames are joined by newlines"
    assert encode(recorded.envelope) == body


def test_the_envelope_is_a_cloudevent() -> None:
    fields = orjson.loads(posted())
    assert fields["specversion"] == "1.0"
    assert fields["type"] == "message.posted.v1"
    assert fields["source"] == "gateway/g1"
    assert fields["subject"] == "s"
    assert fields["time"].endswith("Z")
    assert len(bytes.fromhex(fields["nonce"])) == 16


def test_lone_surrogates_are_refused_before_they_reach_the_log() -> None:
    with pytest.raises(ValueError, match=r"surrogate|utf-8|unicode"):
        posted(content="\ud800")


def test_every_type_is_past_tense_and_versioned() -> None:
    for name in CATALOGUE:
        subject, verb, version = name.split(".")
        assert subject.isalpha()
        assert verb.endswith(("ed", "left", "read")), name
        assert version[0] == "v"
        assert version[1:].isdigit()


def test_a_later_releases_fact_is_kept_and_passed_over() -> None:
    body = posted().replace(b"message.posted.v1", b"message.sung.v1")
    assert isinstance(decode(1, body).event, Unknown)


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"\xff", posted().replace(b'"chat_id":"c",', b"")])
def test_what_is_no_event_says_so(body: bytes) -> None:
    with pytest.raises(MalformedEventError):
        decode(1, body)


@given(st.binary())
def test_no_bytes_do_worse_than_being_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEventError):
        decode(1, body)
