"""What the server sends, cut into messages: those for a handler are handed over at once, the rest is nats-py's.

Source: NATS client protocol, MSG and HMSG: `MSG <subject> <sid> [reply] <bytes>`, `HMSG <subject> <sid> [reply] <header
bytes> <total bytes>`, then the payload and CRLF.
"""

from collections.abc import Callable, Mapping

from nats.errors import ProtocolError

CRLF = b"\r\n"
MAX_LINE = 65_536  # bytes of a control line: INFO, which names a cluster's servers, is the longest


Handler = Callable[[bytes, bytes, bytes, bytes], None]  # subject, where to reply, headers as on the wire, body
Hand = Callable[[Handler, bytes, bytes, bytes, bytes], None]


class Cutter:
    """Takes the pieces of one connection, of any size; what is not whole yet waits until the rest of it has come."""

    def __init__(self, handlers: Mapping[int, Handler], hand: Hand) -> None:
        self._handlers = handlers
        self._hand = hand
        self._parts: list[bytes] = []
        self._have = self._need = 0

    def cut(self, data: bytes) -> bytes:
        """Hands over every message that has a handler and is whole now. What is left is everything else that is whole:
        lines, and messages without a handler.

        Raises:
            ProtocolError: this is no NATS server.
        """
        if self._parts:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._need:
                return b""
            data = b"".join(self._parts)
            self._parts = []
        left: list[bytes] = []
        at, end = 0, len(data)
        while at < end:
            line_end = data.find(CRLF, at)
            if line_end < 0:
                if end - at > MAX_LINE:
                    raise ProtocolError("nats: a line without an end")
                self._keep(data[at:], end - at + 1)
                break
            words = data[at:line_end].split()
            kind = words[0] if words else b""
            if kind != b"HMSG" and kind != b"MSG":
                left.append(data[at : line_end + 2])
                at = line_end + 2
                continue
            start = line_end + 2
            try:
                sid, size = int(words[2]), int(words[-1])
                head = int(words[-2]) if kind == b"HMSG" else 0
            except (IndexError, ValueError):
                raise ProtocolError("nats: malformed MSG") from None
            stop = start + size
            if stop + 2 > end:
                self._keep(data[at:], stop + 2 - at)
                break
            if (handler := self._handlers.get(sid)) is None:
                left.append(data[at : stop + 2])
            else:
                reply = words[3] if len(words) == (6 if kind == b"HMSG" else 5) else b""
                self._hand(handler, words[1], reply, data[start : start + head], data[start + head : stop])
            at = stop + 2
        return b"".join(left)

    def _keep(self, rest: bytes, need: int) -> None:
        self._parts, self._have, self._need = [rest], len(rest), need
