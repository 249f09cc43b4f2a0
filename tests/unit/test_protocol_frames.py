"""Outgoing frames are what RFC 6455 says, and are built once for a whole fan-out."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from services.gateway.frames import FrameMemo, text_frame, text_frames


@given(st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000]))
def test_a_frame_is_the_librarys_frame(size: int) -> None:
    payload = b"x" * size
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_lines_share_a_frame_unless_it_would_be_a_long_one() -> None:
    assert text_frames(b"a\nb") == text_frame(b"a\nb")
    most, long = b"b" * 65_533, b"b" * 65_534
    assert text_frames(b"a\n" + most) == text_frame(b"a\n" + most)
    assert text_frames(b"a\n" + long) == text_frame(b"a") + text_frame(long)
    assert text_frames(long * 2) == text_frame(long * 2)


def test_the_same_payload_is_framed_once() -> None:
    memo = FrameMemo()
    payload = b"payload\nand another".ljust(300)
    assert memo.frames(payload) is memo.frames(payload)
    assert memo.frames(b"another") == text_frame(b"another")
    assert memo.frames(payload) == text_frame(payload)
    assert memo.frames(b"") == text_frame(b"")
