"""What a slow reader was not sent of a running reply is sent as one chunk."""

from typing import Any

import orjson

from services.gateway.merging import Skipped


def push(reply_id: str, attempt: int, position: int, **more: Any) -> bytes:
    data = {"type": "reply.delta", "reply_id": reply_id, "chat_id": "c", "attempt": attempt, "position": position}
    return orjson.dumps({"push": {"channel": "session:s", "pub": {"data": data | more}}})


def row(reply_id: str, attempt: int, text: str) -> dict[str, Any]:
    return {"reply_id": reply_id, "chat_id": "c", "attempt": attempt, "text": text, "position": len(text)}


def parts(chunks: list[dict[str, Any]]) -> list[tuple[str, int, int, str]]:
    return [(chunk["reply_id"], chunk["attempt"], chunk["position"], chunk["text"]) for chunk in chunks]


def test_chunks_of_one_reply_become_one_from_the_cut_to_the_end() -> None:
    skipped = Skipped()
    for position in (3, 5, 8):
        skipped.note(push("r", 1, position))
    assert parts(skipped.merged([row("r", 1, "äbcdefghij")])) == [("r", 1, 3, "defghij")]
    assert not skipped


def test_of_a_superseded_attempt_nothing_is_sent() -> None:
    skipped = Skipped()
    skipped.note(push("r", 1, 40))
    skipped.note(push("r", 2, 0))
    skipped.note(push("r", 1, 60))
    assert parts(skipped.merged([row("r", 2, "anew")])) == [("r", 2, 0, "anew")]
    skipped.note(push("r", 2, 4))
    assert parts(skipped.merged([row("r", 3, "and anew")])) == [("r", 3, 0, "and anew")]


def test_of_a_reply_that_ended_or_that_was_not_cut_nothing_is_sent() -> None:
    skipped = Skipped()
    skipped.note(push("ended", 1, 7))
    assert skipped.merged([row("other", 1, "whole")]) == []
    assert not skipped


def test_what_only_looks_like_a_chunk_is_none() -> None:
    skipped = Skipped()
    skipped.note(b'{"push":{"channel":"session:s","pub":{"data":{"type":"awareness","value":"reply.delta"}}}}')
    skipped.note(b'{"push":{"channel":"session:s","pub":{"data":["reply.delta"]}}}')
    assert not skipped
