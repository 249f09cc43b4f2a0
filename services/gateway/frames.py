"""Text frames. A server does not mask, so what goes out is the same bytes for every socket and is built once. Of what
comes in, only that is parsed here which clients send all the time: one whole text frame.

Source: RFC 6455, 5.2 (base framing).
"""

import struct

from websockets.frames import apply_mask  # type: ignore[attr-defined] # the one in C, where it was built

_TEXT_FIN = 0x81
_LENGTH_7 = 126
_LENGTH_16 = 65_536
_MASKED = 0x80
_MASK_BYTES = 4
UNKNOWN = -1


def text_frame(payload: bytes) -> bytes:
    """One unfragmented text frame with this payload (UTF-8)."""
    size = len(payload)
    if size < _LENGTH_7:
        return bytes((_TEXT_FIN, size)) + payload
    if size < _LENGTH_16:
        return struct.pack("!BBH", _TEXT_FIN, 126, size) + payload
    return struct.pack("!BBQ", _TEXT_FIN, 127, size) + payload


def text_frames(payload: bytes) -> bytes:
    """The payload's lines in one frame, or if that would be a long one, in a frame each."""
    if len(payload) < _LENGTH_16 or b"\n" not in payload:
        return text_frame(payload)
    return b"".join(map(text_frame, payload.split(b"\n")))


class FrameMemo:
    """Remembers the last frames by their payload's identity: a fan-out hands the same object to socket after socket."""

    __slots__ = ("_frames", "_payload")

    def __init__(self) -> None:
        self._payload = b""
        self._frames = text_frame(b"")

    def frames(self, payload: bytes) -> bytes:
        """`text_frames`, built only if the payload is another object than last time."""
        if payload is not self._payload:
            self._frames = text_frames(payload)
            self._payload = payload
        return self._frames


def whole_text(data: bytes, most: int) -> bytes | None:
    """The payload, if the data is one unfragmented, masked text frame and nothing else, of less than 64 KiB and at most
    `most` bytes (0: any number).
    """
    size = len(data)
    if size < 2 + _MASK_BYTES or data[0] != _TEXT_FIN or data[1] < _MASKED:
        return None
    length, head = data[1] - _MASKED, 2
    if length == 126:
        length, head = (data[2] << 8) + data[3], 4
    elif length == 127:
        return None
    if size != head + _MASK_BYTES + length or length > (most or length):
        return None
    return apply_mask(data[head + _MASK_BYTES :], data[head : head + _MASK_BYTES])


def left_after(data: bytes, left: int) -> int:
    """How many bytes of the frame in progress are still to come after this data, `left` of one having been so before.

    `UNKNOWN` if a frame's head is not whole: it stays so.
    """
    at, size = left, len(data)
    while at < size:
        if size - at < 2:
            return UNKNOWN
        length, head = data[at + 1] & 0x7F, 2
        if length >= 126:
            head = 4 if length == 126 else 10
            if size - at < head:
                return UNKNOWN
            length = int.from_bytes(data[at + 2 : at + head], "big")
        at += head + (_MASK_BYTES if data[at + 1] & _MASKED else 0) + length
    return at - size
