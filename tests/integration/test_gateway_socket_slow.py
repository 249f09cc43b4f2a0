"""A reader that does not read: bounded, told, and no burden for the others."""

import asyncio
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import suppress

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from tests.support.client import connected
from tests.support.gateways import gateways, new_session, token
from tests.support.services import RealService

SETTINGS = {"ANTIPHON_SOCKET_BUFFER_BYTES": "262144", "ANTIPHON_COMMANDS_PER_S": "0"}
MESSAGES = 400
CONTENT = "x" * 16_000


@pytest.fixture
async def gateway(nats_url: str) -> AsyncIterator[RealService]:
    async with gateways(nats_url, 1, SETTINGS) as (one,):
        yield one


async def deaf(gateway: RealService, session_id: str) -> ClientConnection:
    """A subscriber whose socket takes little and who reads nothing after the subscribe."""
    tcp = sockets.socket()
    tcp.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 16_384)
    tcp.setblocking(False)
    await asyncio.get_running_loop().sock_connect(tcp, ("127.0.0.1", gateway.port))
    url = f"ws://127.0.0.1:{gateway.port}/connection/websocket"
    client = await connect(url, sock=tcp, compression=None, max_size=None, max_queue=1, ping_interval=None)
    for number, command in enumerate(
        ({"connect": {"token": token("ada")}}, {"subscribe": {"channel": f"session:{session_id}"}}), 1
    ):
        await client.send(orjson.dumps({"id": number, **command}).decode())
        await client.recv()
    return client


async def test_a_slow_reader_is_closed_with_3008_and_delays_nobody(gateway: RealService) -> None:
    async with connected(gateway.address, token("ada")) as ada:
        session_id = await new_session(ada)
        await ada.call("subscribe", channel=f"session:{session_id}")
        slow = await deaf(gateway, session_id)
        loop = asyncio.get_running_loop()
        longest_s = 0.0
        for _ in range(MESSAGES):
            began_at = loop.time()
            seq = (await ada.send_message(session_id, CONTENT))["seq"]
            assert (await ada.event())["offset"] == seq
            longest_s = max(longest_s, loop.time() - began_at)
        assert longest_s < 1.0
        offsets = []
        with suppress(ConnectionClosedError):
            async for frame in slow:
                for line in str(frame).splitlines():
                    if "pub" in (push := orjson.loads(line).get("push", {})):
                        offsets.append(push["pub"]["offset"])
        assert slow.close_code in (3008, 1006), "told, or cut off because it did not listen to that either"
        assert offsets == list(range(offsets[0], offsets[0] + len(offsets))), "what it got has no hole"
        assert len(offsets) < MESSAGES


async def test_a_flood_of_commands_is_answered_without_growing(gateway: RealService) -> None:
    async with connected(gateway.address, token("ada")) as ada:
        command = {"rpc": {"method": "session.exists", "data": {"session_id": "none"}}}
        frame = "\n".join(orjson.dumps({"id": number, **command}).decode() for number in range(10, 2500))
        assert len(frame) < 262_144
        for _ in range(5):
            await ada.socket.send(frame)
        assert await ada.rpc("session.exists", session_id="none") == {"exists": False}
