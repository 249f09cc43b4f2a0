"""However the bytes come, every message is handed over once, whole and in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

from shared.bus.parser import Cutter

QUICK = 7  # the subscription with a handler


class Heard:
    """A client as a parser sees it."""

    def __init__(self) -> None:
        self.all: list[object] = []

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        self.all.append((sid, subject, reply, data, headers or b""))

    async def _process_ping(self) -> None:
        self.all.append("ping")

    async def _process_pong(self) -> None:
        self.all.append("pong")

    async def _process_err(self, error: str) -> None:
        self.all.append(error)

    async def _process_info(self, info: object) -> None:
        self.all.append(info)

    def hand(self, _handler: object, subject: bytes, reply: bytes, headers: bytes, body: bytes) -> None:
        self.all.append((QUICK, subject, reply, body, headers))


def message(sid: int, reply: bytes, headers: bytes, body: bytes) -> bytes:
    words = [b"HMSG" if headers else b"MSG", b"a.subject", b"%d" % sid, *([reply] if reply else [])]
    words += [b"%d" % len(headers)] if headers else []
    return b" ".join([*words, b"%d" % len(headers + body)]) + b"\r\n" + headers + body + b"\r\n"


headers = st.just(b"") | st.binary(max_size=30).map(lambda value: b"NATS/1.0\r\nA: " + value + b"\r\n\r\n")
bodies = st.binary(max_size=40) | st.just(b"MSG a 1 5\r\n") | st.just(b"\r\n" * 3)
replies = st.sampled_from([b"", b"_INBOX.1"])
spoken = st.builds(message, st.sampled_from([1, QUICK]), replies, headers, bodies) | st.sampled_from(
    [b"PING\r\n", b"PONG\r\n", b"+OK\r\n", b"-ERR 'slow'\r\n", b'INFO {"max_payload":1}\r\n']
)


@given(st.lists(spoken, max_size=8), st.lists(st.integers(1, 25), max_size=60))
async def test_any_split_is_heard_as_nats_py_hears_it_in_one_piece(said: list[bytes], sizes: list[int]) -> None:
    ours, theirs, left = Heard(), Heard(), Heard()
    stream = b"".join(said)
    await Parser(theirs).parse(stream)
    cutter, rest = Cutter({QUICK: lambda *_: None}, ours.hand), Parser(left)  # type: ignore[arg-type]
    at = 0
    for size in [*sizes, max(1, len(stream))]:
        if at < len(stream):
            await rest.parse(cutter.cut(stream[at : at + size]))
        at += size
    quick = [one for one in theirs.all if isinstance(one, tuple) and one[0] == QUICK]
    assert ours.all == quick
    assert left.all == [one for one in theirs.all if one not in quick]


@pytest.mark.parametrize("nonsense", [b"MSG a\r\n", b"MSG a 1 many\r\n", b"HELLO\r\n", b"x" * 70_000])
async def test_what_is_not_the_protocol_ends_the_connection(nonsense: bytes) -> None:
    heard = Heard()
    with pytest.raises(ProtocolError):
        await Parser(heard).parse(Cutter({}, heard.hand).cut(nonsense))  # type: ignore[arg-type]
