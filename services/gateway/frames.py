"""Outgoing text frames. A server does not mask, so a frame is the same bytes for every socket and is built once.

Source: RFC 6455, 5.2 (base framing).
"""

import struct

_TEXT_FIN = 0x81
_LENGTH_7 = 126
_LENGTH_16 = 65_536


def text_frame(payload: bytes) -> bytes:
    """One unfragmented text frame with this payload (UTF-8)."""
    size = len(payload)
    if size < _LENGTH_7:
        return bytes((_TEXT_FIN, size)) + payload
    if size < _LENGTH_16:
        return struct.pack("!BBH", _TEXT_FIN, 126, size) + payload
    return struct.pack("!BBQ", _TEXT_FIN, 127, size) + payload


class FrameMemo:
    """Remembers the last frame by its payload's identity: a fan-out hands the same object to socket after socket."""

    __slots__ = ("_frame", "_payload")

    def __init__(self) -> None:
        self._payload = b""
        self._frame = text_frame(b"")

    def frame(self, payload: bytes) -> bytes:
        """The payload's frame, built only if the payload is another object than last time."""
        if payload is not self._payload:
            self._frame = text_frame(payload)
            self._payload = payload
        return self._frame
