"""Connections that never become a request: closed in time, and no burden while they last."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.client import connected
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, token
from tests.support.services import RealService

HEAD = b"GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
POST = b"POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
async def gateway(nats_url: str) -> AsyncIterator[RealService]:
    async with gateways(nats_url, 1, {"ANTIPHON_REQUEST_S": "1"}) as (one,):
        yield one


async def ended_with(gateway: RealService, begin: bytes, drip: bytes) -> bytes:
    """What comes before the gateway closes, while `drip` is sent ten times a second."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(begin)

    async def dripping() -> bool:
        if drip and not writer.is_closing():
            writer.write(drip)
        return reader.at_eof()

    answer = asyncio.create_task(reader.read())
    try:
        for _ in range(50):
            await dripping()
            done, _ = await asyncio.wait([answer], timeout=0.1)
            if done:
                return answer.result()
        raise AssertionError("it is still open")
    except ConnectionError:
        return b""
    finally:
        answer.cancel()
        writer.close()


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(HEAD, b"", id="half an upgrade"),
        pytest.param(HEAD, b"X-A: b\r\n", id="an upgrade, a header at a time"),
        pytest.param(b"", b"\r\n", id="empty lines"),
        pytest.param(POST, b" ", id="a body, a byte at a time"),
        pytest.param(REQUEST, b"G", id="a request, and half of another"),
    ],
)
async def test_what_is_no_request_in_time_is_closed(gateway: RealService, begin: bytes, drip: bytes) -> None:
    answer = await ended_with(gateway, begin, drip)
    last = answer.rpartition(b"HTTP/1.1 ")[2]
    assert last[:3] in (b"408", b"400", b"401", b""), answer


async def test_a_head_without_end_is_refused_at_64_kib(gateway: RealService) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(HEAD + b"X-A: " + b"a" * 70_000)
    answer = await asyncio.wait_for(reader.read(), 5)
    assert b" 431 " in answer
    writer.close()


async def test_hundreds_that_say_nothing_disturb_nobody_and_are_gone(gateway: RealService) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(300)]
    async with connected(gateway.address, token("ada")) as ada:
        session_id = await new_session(ada)
        await ada.call("subscribe", channel=f"session:{session_id}")
        seq = (await ada.send_message(session_id, "as ever"))["seq"]
        assert (await ada.event())["offset"] == seq
        answers = await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in silent)), 10)
        assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)
        await ada.send_message(session_id, "a socket in use is no such connection")
    for _, writer in silent:
        writer.close()


async def test_a_connection_is_kept_alive_between_requests_as_ever(gateway: RealService) -> None:
    async with httpx.AsyncClient(base_url=gateway.address) as http:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + 2.5  # more than twice the time a request may take

        async def answered() -> bool:
            assert (await http.get("/health")).status_code == 200
            return loop.time() > ends_at

        await eventually(answered)
