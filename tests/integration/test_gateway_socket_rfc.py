"""The running gateway's sockets do what RFC 6455 says, whatever comes."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from tests.support.gateways import gateways, token
from tests.support.services import RealService

HANDSHAKE = (
    "GET /connection/websocket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture
async def gateway(nats_url: str) -> AsyncIterator[RealService]:
    async with gateways(nats_url) as (one,):
        yield one


def url(gateway: RealService, path: str = "/connection/websocket") -> str:
    return f"ws://127.0.0.1:{gateway.port}{path}"


@asynccontextmanager
async def raw(gateway: RealService) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A socket after its handshake, byte by byte."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(HANDSHAKE.format(host=f"127.0.0.1:{gateway.port}").encode())
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    try:
        yield reader, writer
    finally:
        writer.close()


async def close_code(reader: asyncio.StreamReader) -> int:
    """The code of the close frame that comes next."""
    head = await asyncio.wait_for(reader.readexactly(2), 5)
    assert head[0] == 0x88, "a close frame"
    payload = await reader.readexactly(head[1])
    return int(struct.unpack("!H", payload[:2])[0])


def masked(opcode: Opcode, payload: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=True)


CONNECT = orjson.dumps({"id": 1, "connect": {"token": token("ada")}})


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(masked(Opcode.TEXT, b"\xff\xfe"), 1007, id="invalid UTF-8"),
        pytest.param(masked(Opcode.TEXT, "é".encode()[:1]), 1007, id="half a character"),
        pytest.param(b"\x81\xff" + struct.pack("!Q", 262_145) + b"mask", 1009, id="too long by its header"),
        pytest.param(b"\xc1\x80mask", 1002, id="a reserved bit"),
        pytest.param(b"\x83\x80mask", 1002, id="an unknown opcode"),
        pytest.param(b"\x81\x02{}", 1002, id="not masked"),
        pytest.param(b"\x09\x80mask", 1002, id="a fragmented ping"),
        pytest.param(masked(Opcode.CONT, b"{}"), 1002, id="a continuation of nothing"),
        pytest.param(masked(Opcode.TEXT, b"{", False) + masked(Opcode.TEXT, b"}"), 1002, id="a message in a message"),
        pytest.param(masked(Opcode.BINARY, CONNECT), 3501, id="a binary message"),
        pytest.param(masked(Opcode.CLOSE, struct.pack("!H", 1000)), 1000, id="a close is answered"),
        pytest.param(masked(Opcode.CLOSE, struct.pack("!H", 999)), 1002, id="a code that may not be used"),
    ],
)
async def test_every_broken_frame_has_its_close_code(gateway: RealService, sent: bytes, code: int) -> None:
    async with raw(gateway) as (reader, writer):
        writer.write(sent)
        assert await close_code(reader) == code
        assert await asyncio.wait_for(reader.read(), 5) == b"", "and the connection ends"


async def test_a_message_may_come_in_fragments_with_a_ping_between(gateway: RealService) -> None:
    async with raw(gateway) as (reader, writer):
        writer.write(masked(Opcode.TEXT, CONNECT[:9], fin=False))
        writer.write(masked(Opcode.PING, b"there?"))
        for byte in masked(Opcode.CONT, CONNECT[9:20], fin=False) + masked(Opcode.CONT, CONNECT[20:]):
            writer.write(bytes([byte]))
        assert await reader.readexactly(8) == b"\x8a\x06there?"
        assert b'"client"' in await asyncio.wait_for(reader.read(4096), 5)


async def test_fragments_together_obey_the_same_bound(gateway: RealService) -> None:
    async with raw(gateway) as (reader, writer):
        writer.write(masked(Opcode.TEXT, b" " * 200_000, fin=False) + masked(Opcode.CONT, b" " * 200_000))
        assert await close_code(reader) == 1009


async def test_noise_closes_nothing_but_its_own_socket(gateway: RealService) -> None:
    async with connect(url(gateway), compression=None) as steady:
        await steady.send(CONNECT.decode())
        await steady.recv()
        for _ in range(50):
            async with raw(gateway) as (_reader, writer):
                writer.write(os.urandom(200))
        await steady.send('{"id":2,"rpc":{"method":"session.exists","data":{"session_id":"none"}}}')
        assert orjson.loads(await steady.recv())["rpc"]["data"] == {"exists": False}
    assert "Traceback" not in gateway.log


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/elsewhere", {}, 404),
        ("/connection/websocket", {"Origin": "https://evil.example"}, 403),
    ],
)
async def test_what_is_not_accepted_gets_a_status(
    gateway: RealService, path: str, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url(gateway, path), additional_headers=headers):
            pass
    assert refused.value.response.status_code == status


async def test_its_own_page_and_the_json_subprotocol_are_accepted(gateway: RealService) -> None:
    options = {"origin": gateway.address, "subprotocols": ["centrifuge-protobuf", "centrifuge-json"]}
    async with connect(url(gateway), **options) as socket:  # type: ignore[arg-type]
        assert socket.subprotocol == "centrifuge-json"
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


async def test_a_gateway_that_stops_says_so(gateway: RealService) -> None:
    async with connect(url(gateway)) as socket:
        await asyncio.to_thread(gateway.terminate)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, socket.close_reason) == (3001, "shutdown")
