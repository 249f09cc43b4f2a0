"""What is parsed past the WebSocket library is what the library would have made of it."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from services.gateway.frames import UNKNOWN, left_after, whole_text

payloads = st.binary(max_size=300) | st.sampled_from([65_535, 65_536]).map(bytes)
opcodes = st.sampled_from([Opcode.TEXT, Opcode.CONT, Opcode.BINARY])


def sent(opcode: Opcode, payload: bytes, *, fin: bool = True, mask: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=mask)


@given(opcodes, payloads, st.booleans(), st.booleans(), st.binary(max_size=3))
def test_only_one_whole_masked_text_frame_is_taken(
    opcode: Opcode, payload: bytes, fin: bool, mask: bool, more: bytes
) -> None:
    taken = whole_text(sent(opcode, payload, fin=fin, mask=mask) + more, 0)
    is_one = opcode is Opcode.TEXT and fin and mask and not more and len(payload) < 65_536
    assert taken == (payload if is_one else None)


@given(payloads, st.integers(0, 70_000))
def test_a_part_of_a_frame_is_never_taken(payload: bytes, at: int) -> None:
    data = sent(Opcode.TEXT, payload)
    assert at >= len(data) or whole_text(data[:at], 0) is None


def test_a_frame_above_the_limit_is_left_to_the_library() -> None:
    assert whole_text(sent(Opcode.TEXT, b"x" * 101), 100) is None
    assert whole_text(sent(Opcode.TEXT, b"x" * 100), 100) == b"x" * 100


@given(st.lists(st.tuples(opcodes, payloads, st.booleans()), max_size=5), st.lists(st.integers(1, 400), max_size=20))
def test_between_frames_nothing_is_left_and_inside_one_what_is_to_come(
    frames: list[tuple[Opcode, bytes, bool]], sizes: list[int]
) -> None:
    data = b"".join(sent(opcode, payload, mask=mask) for opcode, payload, mask in frames)
    left, at = 0, 0
    ends = {0}
    for opcode, payload, mask in frames:
        ends.add(max(ends) + len(sent(opcode, payload, mask=mask)))
    for size in [*sizes, len(data)]:
        piece = data[at : at + size]
        if not piece or left == UNKNOWN:
            break
        left = left_after(piece, left)
        at += len(piece)
        assert left == UNKNOWN or left == min(end for end in ends if end >= at) - at
