"""What the server sends, cut into messages: those for a handler are handed over at once, the rest is nats-py's.

Source: NATS client protocol, MSG and HMSG: `MSG <subject> <sid> [reply] <bytes>`, `HMSG <subject> <sid> [reply] <header
bytes> <total bytes>`, then the payload and CRLF.
"""

from collections.abc import Callable, Mapping

from nats.aio.client import Client
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

CRLF = b"\r\n"
MAX_LINE = 65_536  # bytes of a control line: INFO, which names a cluster's servers, is the longest


Handler = Callable[[bytes, bytes, bytes, bytes], None]  # subject, where to reply, headers as on the wire, body


class QuickParser(Parser):
    """Takes pieces of any size; what is not whole yet waits until the rest of it has come."""

    def __init__(
        self,
        client: Client,
        handlers: Mapping[int, Handler],
        hand: Callable[[Handler, bytes, bytes, bytes, bytes], None],
    ) -> None:
        super().__init__(client)
        self._handlers = handlers
        self._hand = hand

    def reset(self) -> None:
        """Nothing has come: the connection is a new one."""
        super().reset()
        self._parts: list[bytes] = []
        self._have = self._need = 0

    async def parse(self, data: bytes = b"") -> None:
        """Hands over every message that is whole now.

        Raises:
            ProtocolError: this is no NATS server.
        """
        if self._parts:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._need:
                return
            data = b"".join(self._parts)
            self._parts = []
        at, end = 0, len(data)
        while at < end:
            line_end = data.find(CRLF, at)
            if line_end < 0:
                if end - at > MAX_LINE:
                    raise ProtocolError("nats: a line without an end")
                self._keep(data[at:], end - at + 1)
                return
            words = data[at:line_end].split()
            kind = words[0] if words else b""
            if kind != b"HMSG" and kind != b"MSG":
                await super().parse(data[at : line_end + 2])
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
                return
            headers, body = data[start : start + head], data[start + head : stop]
            at = stop + 2
            reply = words[3] if len(words) == (6 if kind == b"HMSG" else 5) else b""
            if (handler := self._handlers.get(sid)) is not None:
                self._hand(handler, words[1], reply, headers, body)
            else:
                await self.nc._process_msg(sid, words[1], reply, body, headers or None)

    def _keep(self, rest: bytes, need: int) -> None:
        self._parts, self._have, self._need = [rest], len(rest), need
