"""Clients without manners: they are bounded, and nobody else notices."""

import asyncio
import base64
import os
import socket as sockets
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import orjson
import pytest

from tests.support.client import Client, connected
from tests.support.gateways import gateways, new_session, token
from tests.support.services import RealService

SETTINGS = {"ANTIPHON_CONNECT_S": "2"}
LONGEST_S = 1.0  # of a message's way while somebody is rude; a few milliseconds on a machine with nothing else to do
RUDE_S = 3.0
GROWTH_MB = 64


@pytest.fixture
async def gateway(nats_url: str) -> AsyncIterator[RealService]:
    async with gateways(nats_url, 1, SETTINGS) as (one,):
        yield one


def frame(opcode: int, payload: bytes, fin: bool = True) -> bytes:
    """A masked frame (with a mask of zeros). Source: RFC 6455, 5.2."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    else:
        length = struct.pack("!BH", 0xFE, size) if size < 65_536 else struct.pack("!BQ", 0xFF, size)
    return bytes([(0x80 if fin else 0) | opcode]) + length + bytes(4) + payload


async def upgraded(gateway: RealService, *commands: dict[str, object]) -> sockets.socket:
    """A WebSocket without a library, which has sent the commands and reads nothing."""
    tcp = sockets.socket()
    tcp.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 8192)
    tcp.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(tcp, ("127.0.0.1", gateway.port))
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        "GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await loop.sock_sendall(tcp, request.encode())
    assert b" 101 " in await loop.sock_recv(tcp, 4096)
    for command in commands:
        await loop.sock_sendall(tcp, frame(1, orjson.dumps(command)))
    return tcp


async def shouted(tcp: sockets.socket, data: bytes) -> bool:
    """Sends it again and again for a while, as fast as it is taken. Whether the gateway has cut the connection."""
    try:
        async with asyncio.timeout(RUDE_S):
            while True:
                await asyncio.get_running_loop().sock_sendall(tcp, data)
    except TimeoutError:
        return False
    except OSError:
        return True


async def longest_way_s(ada: Client, session_id: str, until: asyncio.Task[bool]) -> float:
    """The longest time that a message took until it was answered and delivered."""
    loop, longest_s = asyncio.get_running_loop(), 0.0
    while not until.done():
        began_at = loop.time()
        seq = (await ada.send_message(session_id, "x"))["seq"]
        assert (await ada.event())["offset"] == seq
        longest_s = max(longest_s, loop.time() - began_at)
        await asyncio.wait([until], timeout=0.05)
    return longest_s


@asynccontextmanager
async def undisturbed(
    gateway: RealService, data: bytes, *commands: dict[str, object], begin: bytes = b""
) -> AsyncIterator[bool]:
    """While somebody sends `begin` and then `data` without end, others talk as ever, and memory stays as it is.

    Gives whether that connection was cut.
    """
    async with connected(gateway.address, token("ada")) as ada:
        session_id = await new_session(ada)
        await ada.call("subscribe", channel=f"session:{session_id}")
        before_mb = resident_mb(gateway.pid)
        tcp = await upgraded(gateway, *commands)
        await asyncio.get_running_loop().sock_sendall(tcp, begin)
        shouting = asyncio.create_task(shouted(tcp, data))
        try:
            longest_s = await longest_way_s(ada, session_id, shouting)
            assert longest_s < LONGEST_S
            assert resident_mb(gateway.pid) - before_mb < GROWTH_MB
            yield await shouting
        finally:
            tcp.close()


def resident_mb(pid: int) -> int:
    """The memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def hello() -> dict[str, object]:
    return {"id": 1, "connect": {"token": token("eve")}}


async def test_who_pings_without_end_and_reads_no_pong_is_cut_off(gateway: RealService) -> None:
    async with undisturbed(gateway, frame(9, b"p" * 125) * 500, hello()) as was_cut:
        assert was_cut
    assert gateway.popen.poll() is None


@pytest.mark.parametrize("payload", [b"", b"x"])
async def test_a_flood_of_tiny_fragments_disturbs_nobody(gateway: RealService, payload: bytes) -> None:
    flood = frame(0, payload, fin=False) * 5000
    async with undisturbed(gateway, flood, hello(), begin=frame(1, b"", fin=False)):
        pass


async def test_a_flood_of_commands_over_the_rate_disturbs_nobody(gateway: RealService) -> None:
    commands = b"\n".join(b'{"id":%d,"rpc":{"method":"none"}}' % number for number in range(2, 6000))
    async with undisturbed(gateway, frame(1, commands), hello()):
        pass


async def test_many_big_reads_at_once_disturb_nobody(gateway: RealService) -> None:
    async with connected(gateway.address, token("eve")) as eve:
        session_id = await new_session(eve)
        for _ in range(40):
            await eve.send_message(session_id, "y" * 16_000)
    read = {"channel": f"session:{session_id}", "limit": -1, "since": {"offset": 0, "epoch": ""}}
    reads = b"\n".join(orjson.dumps({"id": number, "history": read}) for number in range(2, 90))
    async with undisturbed(gateway, frame(1, reads), hello()):
        pass


async def test_a_refused_connect_does_not_keep_a_silent_socket_open(gateway: RealService) -> None:
    tcp = await upgraded(gateway, {"id": 1, "connect": {"token": 5}})
    received = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(8):
            while data := await asyncio.get_running_loop().sock_recv(tcp, 4096):
                received += data
    assert b'"code":107' in received
    assert struct.pack("!H", 3502) + b"stale" in received
    tcp.close()
