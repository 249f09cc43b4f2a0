"""Outgoing frames are what RFC 6455 says, and are built once for a whole fan-out."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from services.gateway.frames import FrameMemo, text_frame


@given(st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000]))
def test_a_frame_is_the_librarys_frame(size: int) -> None:
    payload = b"x" * size
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_the_same_payload_is_framed_once() -> None:
    memo = FrameMemo()
    payload = b"payload".ljust(300)
    assert memo.frame(payload) is memo.frame(payload)
    assert memo.frame(b"another") == text_frame(b"another")
    assert memo.frame(payload) == text_frame(payload)


def test_a_round_is_the_frames_of_its_payloads() -> None:
    memo = FrameMemo()
    one, other = [(b"a", 1), (b"b".ljust(300), None)], [(b"c", 2)]
    assert memo.frames(one) == text_frame(b"a") + text_frame(b"b".ljust(300))
    assert memo.frames(one) is memo.frames(one)
    assert memo.frames(other) == text_frame(b"c")
