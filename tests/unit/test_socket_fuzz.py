"""No bytes make a socket do anything but deliver whole messages, answer, and close itself."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from websockets.frames import Frame, Opcode

from services.gateway.addresses import Addresses
from services.gateway.socket import Socket
from services.gateway.stats import Stats
from tests.support.eventually import eventually

UPGRADE = (
    b"GET /connection/websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
LIMIT = 4096
FRAMES = st.builds(
    lambda opcode, data, fin: Frame(opcode, data, fin).serialize(mask=True),
    st.sampled_from([Opcode.TEXT, Opcode.CONT, Opcode.BINARY]),
    st.binary(max_size=200) | st.just(b"{}") | st.text().map(str.encode),
    st.booleans(),
)
CONTROL = st.builds(
    lambda opcode, data: Frame(opcode, data).serialize(mask=True),
    st.sampled_from([Opcode.PING, Opcode.PONG, Opcode.CLOSE]),
    st.binary(max_size=125),
)
BYTES = st.lists(FRAMES | CONTROL | st.binary(max_size=40), max_size=8).map(b"".join)


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed, "nothing is written after the end"
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Owner:
    """Takes messages, as `Connection` would; and accepts every socket as its own."""

    frame_bytes = LIMIT
    buffer_bytes = 65_536
    allowed_origins: frozenset[str] = frozenset()
    addresses = Addresses("")
    stats = Stats(CollectorRegistry())

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.losses = 0
        self.connections: set[object] = set()

    def accept(self, _socket: Socket) -> "Owner":
        return self

    def received(self, text: bytes) -> None:
        self.messages.append(text)

    def lost(self) -> None:
        self.losses += 1


async def fed(pieces: list[bytes]) -> tuple[Owner, Wire, Socket]:
    """A socket after these pieces and its end, and a second one that was open all the time."""
    owner, other = Owner(), Owner()
    wires = []
    sockets = []
    for each in (owner, other):
        wire, socket = Wire(), Socket(each, server_state=each)
        socket.connection_made(wire)
        socket.data_received(UPGRADE)
        wires.append(wire)
        sockets.append(socket)
    for piece in pieces:
        if not wires[0].closed:
            sockets[0].data_received(piece)
    await taken_in(*sockets)
    sockets[0].connection_lost(None)
    assert owner.losses == 1
    sockets[1].data_received(Frame(Opcode.TEXT, b"still here").serialize(mask=True))
    await taken_in(sockets[1])
    assert other.messages == [b"still here"], "another socket is none of its business"
    assert sockets[1].open
    sockets[1].connection_lost(None)
    return owner, wires[0], sockets[0]


async def taken_in(*sockets: Socket) -> None:
    """Returns when none of them has unread bytes: after a piece that took long, a socket rests."""
    inflows = [socket._inflow for socket in sockets]
    await eventually(lambda: all(not inflow._unread and inflow._rest is None for inflow in inflows))


@settings(max_examples=300, deadline=None)
@given(BYTES, st.lists(st.integers(1, 50), max_size=20))
def test_no_bytes_do_worse_than_close_their_own_socket(data: bytes, cuts: list[int]) -> None:
    pieces = []
    for cut in cuts:
        pieces.append(data[:cut])
        data = data[cut:]
    owner, wire, _ = asyncio.run(fed([*pieces, data]))
    assert wire.written.startswith(b"HTTP/1.1 101 ")
    for message in owner.messages:
        message.decode()
        assert len(message) <= LIMIT


@settings(max_examples=100, deadline=None)
@given(st.lists(FRAMES, min_size=1, max_size=6), st.integers(1, 64))
def test_how_bytes_are_cut_makes_no_difference(frames: list[bytes], size: int) -> None:
    data = b"".join(frames)
    whole = asyncio.run(fed([data]))
    cut = asyncio.run(fed([data[at : at + size] for at in range(0, len(data), size)]))
    assert whole[0].messages == cut[0].messages


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_what_is_no_upgrade_is_refused(data: bytes) -> None:
    async def before_the_handshake() -> None:
        owner, wire = Owner(), Wire()
        socket = Socket(owner, server_state=owner)
        socket.connection_made(wire)
        socket.data_received(data)
        await taken_in(socket)
        assert owner.messages == []
        assert not socket.open
        socket.connection_lost(None)

    asyncio.run(before_the_handshake())


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
def test_fragments_are_counted_together(size: int) -> None:
    text = b"x" * size
    frames = [
        Frame(Opcode.TEXT, text[:100], False),
        Frame(Opcode.CONT, text[100:200], False),
        Frame(Opcode.CONT, text[200:]),
    ]
    owner, _, socket = asyncio.run(fed([frame.serialize(mask=True) for frame in frames]))
    assert owner.messages == ([text] if size <= LIMIT else [])
    assert not socket.open
