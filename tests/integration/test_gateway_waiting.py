"""Answers over HTTP that are held open: told by the feed, counted like sockets, and ended like them."""

import asyncio
import time
from typing import Any

import httpx

from shared import ids
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, talking
from tests.support.servers import NatsServer
from tests.support.web import problem, web

WAIT_S = 20
MESSAGES = 60


async def begun(
    http: httpx.AsyncClient, path: str, count: int = 1, held: int = 0
) -> list[asyncio.Task[httpx.Response]]:
    """Requests that are waiting for events, besides the answers that are `held` open already."""
    waiting = [asyncio.create_task(http.get(path)) for _ in range(count)]

    async def all_wait() -> bool:
        metrics = (await http.get("/metrics")).text
        return f"antiphon_gateway_held {float(held + count)}" in metrics

    await eventually(all_wait)
    return waiting


async def test_a_page_comes_with_the_event_that_was_waited_for(nats_url: str) -> None:
    async with (
        gateways(nats_url, 2) as two,
        talking(two, "ada", "bob") as (ada, bob),
        web(two[1], "bob", timeout_s=WAIT_S + 10) as http,
    ):
        session_id = await new_session(ada, bob)
        seq = (await ada.send_message(session_id, "one"))["seq"]
        path = f"/api/sessions/{session_id}/events?wait_s={WAIT_S}"
        page = (await http.get(f"{path}&after={seq - 1}")).json()
        assert [event["offset"] for event in page["events"]] == [seq], "what is there is not waited for"

        waiting = await begun(http, f"{path}&after={seq}", count=3)
        later = (await ada.send_message(session_id, "two"))["seq"]
        pages = [answer.json() for answer in await asyncio.wait_for(asyncio.gather(*waiting), 5)]
        assert [[event["offset"] for event in page["events"]] for page in pages] == [[later]] * 3
        assert {page["offset"] for page in pages} == {later}

        empty = (await http.get(f"/api/sessions/{session_id}/events?wait_s=0.2&after={later}")).json()
        assert (empty["events"], empty["offset"], empty["more"]) == ([], later, False)
        (refused,) = await begun(http, f"{path}&after={later}")
        await ada.rpc("session.remove", id=ids.uuid7(), session_id=session_id, user="bob")
        assert problem(await asyncio.wait_for(refused, 5)) == (404, 404)
        assert problem(await http.get(f"{path}&after={later}")) == (404, 404)


async def test_long_reads_on_either_gateway_are_the_log_without_a_hole(nats_url: str) -> None:
    async with (
        gateways(nats_url, 2, {"ANTIPHON_COMMANDS_PER_S": "0"}) as two,
        talking(two, "ada", "bob") as (ada, bob),
        web(two[0], "ada", timeout_s=WAIT_S + 10) as here,
        web(two[1], "ada", timeout_s=WAIT_S + 10) as there,
    ):
        session_id = await new_session(ada, bob)
        start = (await ada.send_message(session_id, "first"))["seq"]

        async def read(http: httpx.AsyncClient, limit: int) -> list[int]:
            seen, path = [start], f"/api/sessions/{session_id}/events"
            while len(seen) <= 2 * MESSAGES:
                params = {"after": seen[-1], "limit": limit, "wait_s": WAIT_S}
                events = (await http.get(path, params=params)).json()["events"]
                assert events
                assert int(events[0]["tags"]["prev"]) == seen[-1]
                seen += [event["offset"] for event in events]
            return seen[1:]

        async def send(client: Client) -> list[int]:
            return [(await client.send_message(session_id, str(number)))["seq"] for number in range(MESSAGES)]

        *seen, by_ada, by_bob = await asyncio.gather(read(here, 100), read(there, 3), send(ada), send(bob))
        assert seen == [sorted(by_ada + by_bob)] * 2


async def test_a_gateway_that_stops_answers_those_who_wait(nats_url: str) -> None:
    async with gateways(nats_url) as one, talking(one, "ada") as (ada,), web(one[0], "ada", timeout_s=60) as http:
        session_id = await new_session(ada)
        seq = (await ada.send_message(session_id, "one"))["seq"]
        (waiting,) = await begun(http, f"/api/sessions/{session_id}/events?wait_s=60&after={seq}")
        assert await asyncio.to_thread(one[0].terminate) == 0
        assert (await waiting).json()["events"] == []


async def test_streams_count_as_connections_and_end_with_their_token(nats_url: str) -> None:
    environment = {"ANTIPHON_CONNECTIONS_PER_USER": "2", "ANTIPHON_TOKEN_GRACE_S": "0"}
    async with gateways(nats_url, 1, environment) as one, talking(one, "ada") as (ada,):
        session_id = await new_session(ada)
        path = f"/api/sessions/{session_id}/stream"
        async with web(one[0], "ada") as http:
            async with http.stream("GET", path) as first:
                assert first.status_code == 200
                assert problem(await http.get(path)) == (429, 111)
                held = f"/api/sessions/{session_id}/events?wait_s=5&after={2**40}"
                assert problem(await http.get(held)) == (429, 111)

            async def freed() -> bool:
                async with http.stream("GET", path) as again:
                    return again.status_code == 200

            await eventually(freed)
        ends_at = int(time.time()) + 2
        async with web(one[0], "ada", ttl_s=2) as http, http.stream("GET", path) as stream:
            assert stream.status_code == 200
            text = "".join([piece async for piece in stream.aiter_text()])
        assert "event: snapshot" in text
        assert time.time() >= ends_at


async def test_streams_end_when_the_bus_is_lost_and_go_on_where_they_were(nats_server: NatsServer) -> None:
    nervous = {"ANTIPHON_BUS_QUIET_S": "1", "ANTIPHON_BUS_LOST_S": "3"}
    async with gateways(nats_server.url, 1, nervous) as one, talking(one, "ada") as (ada,):
        session_id = await new_session(ada)
        path = f"/api/sessions/{session_id}"
        async with web(one[0], "ada", timeout_s=60) as http, http.stream("GET", f"{path}/stream") as stream:
            pieces = stream.aiter_text()
            assert "event: snapshot" in await opened(pieces)
            (waiting,) = await begun(http, f"{path}/events?wait_s=60&after={2**40}", held=1)
            async with nats_server.frozen():
                assert [piece async for piece in pieces] == []
                assert problem(await waiting) == (503, 503)
                assert problem(await http.get(f"{path}/stream")) == (503, 503)

            async def back() -> bool:
                return (await http.get("/health/ready")).status_code == 200

            await eventually(back, 20)
            async with talking(one, "ada") as (again,):
                seq = (await again.send_message(session_id, "back"))["seq"]
            cursor = {"Last-Event-ID": str(seq - 1)}
            async with http.stream("GET", f"{path}/stream", headers=cursor) as resumed:
                assert f"id: {seq}:" in await opened(resumed.aiter_text(), f"id: {seq}:")


async def opened(pieces: Any, until: str = "event: snapshot") -> str:
    """What came up to and with `until`."""
    text = ""
    async for piece in pieces:
        text += piece
        if until in text:
            break
    return text
