"""Server-sent events whose readers don't stay."""

import asyncio
import re

import httpx

from tests.support.client import connected
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, token
from tests.support.servers import NatsServer
from tests.support.services import RealService

READERS = 10


async def asked(gateway: RealService, session_id: str) -> asyncio.StreamWriter:
    """A reader that has asked for the stream of a session, and has no answer yet."""
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    path, bearer = f"/api/sessions/{session_id}/stream", token("ada")
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\r\n"
    writer.write(request.encode())
    await writer.drain()
    return writer


async def measured(gateway: RealService, name: str) -> float:
    """A metric, summed over its labels."""
    async with httpx.AsyncClient(base_url=gateway.address) as http:
        text = (await http.get("/metrics")).text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


async def test_a_reader_that_is_gone_before_the_answer_leaves_nothing_behind(nats_server: NatsServer) -> None:
    async with gateways(nats_server.url, 1, {"ANTIPHON_LINGER_S": "0.2"}) as (gateway,):
        async with connected(gateway.address, token("ada")) as ada:
            session_id = await new_session(ada)

        async def let_go() -> bool:
            return await measured(gateway, "feed_open_sessions") == 0

        async def answered() -> bool:
            return await measured(gateway, "feed_joins_total") >= READERS

        await eventually(let_go)
        async with nats_server.frozen():
            readers = [await asked(gateway, session_id) for _ in range(READERS)]
            assert not await answered()  # and by now the requests have been read
            for reader in readers:
                reader.close()
            assert not await answered()
        await eventually(answered)
        await eventually(let_go)
