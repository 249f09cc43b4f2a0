"""HTTP on a running gateway: the same methods and rules as on the socket, as resources."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from shared import ids
from tests.support.eventually import eventually
from tests.support.gateways import EPOCH, gateways, token
from tests.support.services import SERVICE_KEY, RealService, running


@pytest.fixture
async def gateway(nats_url: str) -> AsyncIterator[RealService]:
    environment = {"ANTIPHON_GUESTS_PER_MINUTE": "3", "ANTIPHON_CORS_ORIGINS": "https://app.example"}
    async with gateways(nats_url, 1, environment) as (one,):
        yield one


@pytest.fixture
async def http(gateway: RealService) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.address) as client:
        yield client


def bearer(user: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(user)}", **more}


def writing(user: str, key: str = "") -> dict[str, str]:
    return bearer(user, **{"Idempotency-Key": key or ids.uuid7()})


async def create(http: httpx.AsyncClient, user: str = "ada") -> dict[str, Any]:
    answer = await http.post("/api/sessions", json={"title": "A session"}, headers=writing(user))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def problem(answer: httpx.Response) -> tuple[int, int]:
    """Status and code of a problem document."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    assert answer.json()["title"]
    return answer.status_code, answer.json()["code"]


async def test_a_guest_enters_is_renewed_and_is_limited_by_address(http: httpx.AsyncClient) -> None:
    first = (await http.post("/api/auth/guest", json={"name": "Ann"})).json()
    assert first["name"] == "Ann"
    renewed = await http.post("/api/auth/refresh", headers={"Authorization": f"Bearer {first['token']}"})
    assert renewed.json()["user"] == first["user"]
    answers = [await http.post("/api/auth/guest") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert problem(answers[2]) == (429, 111)
    assert int(answers[2].headers["Retry-After"]) > 0


async def test_only_the_service_key_mints_tokens_of_others(http: httpx.AsyncClient) -> None:
    wanted = {"user": "ada", "name": "Ada", "ttl_s": 60}
    assert problem(await http.post("/api/auth/token", json=wanted)) == (401, 101)
    assert problem(await http.post("/api/auth/token", json=wanted, headers=bearer("ada"))) == (401, 101)
    minted = await http.post("/api/auth/token", json=wanted, headers={"X-Service-Key": SERVICE_KEY})
    assert minted.json()["user"] == "ada"
    renewed = await http.post("/api/auth/refresh", headers={"Authorization": f"Bearer {minted.json()['token']}"})
    assert 0 <= renewed.json()["expires_at"] - minted.json()["expires_at"] < 30, "what was minted for a minute stays so"
    for nobody in ("svc/llm", "a\0", "é" * 100):
        answer = await http.post("/api/auth/token", json={"user": nobody}, headers={"X-Service-Key": SERVICE_KEY})
        assert problem(answer) == (400, 107), nobody


async def test_a_session_is_created_once_read_renamed_and_hidden_from_others(http: httpx.AsyncClient) -> None:
    key = ids.uuid7()
    first = await http.post("/api/sessions", json={"title": "One"}, headers=writing("ada", key))
    again = await http.post("/api/sessions", json={"title": "One"}, headers=writing("ada", key))
    other = await http.post("/api/sessions", json={"title": "Two"}, headers=writing("ada", key))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "duplicate": True}
    assert problem(other) == (409, 409)
    path = f"/api/sessions/{first.json()['session_id']}"
    assert (await http.patch(path, json={"title": "New"}, headers=writing("ada"))).status_code == 200
    snapshot = (await http.get(path, headers=bearer("ada"))).json()
    assert snapshot["session"]["title"] == "New"
    assert snapshot["degraded"] == ["history", "projector"]
    assert (await http.head(path, headers=bearer("ada"))).status_code == 200
    assert (await http.head(path, headers=bearer("mallory"))).status_code == 404
    assert problem(await http.get(path, headers=bearer("mallory"))) == (404, 404)
    assert problem(await http.get(path)) == (401, 101)


async def test_an_invitation_lets_another_user_in(http: httpx.AsyncClient) -> None:
    made = await create(http)
    path = f"/api/sessions/{made['session_id']}"
    invite = (await http.post(f"{path}/invites", json={"role": "viewer"}, headers=writing("ada"))).json()["invite"]
    forged = await http.post("/api/sessions/join", json={"invite": invite + "0"}, headers=writing("bob"))
    assert problem(forged) == (404, 404)
    joined = await http.post("/api/sessions/join", json={"invite": invite}, headers=writing("bob"))
    assert joined.json()["session_id"] == made["session_id"]
    message = {"session_id": made["session_id"], "content": "hello"}
    refused = await http.post(f"/api/chats/{made['chat_id']}/messages", json=message, headers=writing("bob"))
    assert problem(refused) == (403, 103)


async def test_what_is_wrong_with_a_request_is_said(http: httpx.AsyncClient) -> None:
    made = await create(http)
    messages, message = f"/api/chats/{made['chat_id']}/messages", {"session_id": made["session_id"], "content": "x"}
    without_key = await http.post(messages, json=message, headers=bearer("ada"))
    assert problem(without_key) == (400, 107)
    assert "Idempotency-Key" in without_key.json()["detail"]
    too_long = await http.post(messages, json={**message, "content": "x" * 16_385}, headers=writing("ada"))
    assert "content" in too_long.json()["detail"]
    assert problem(await http.post(messages, content=b"{", headers=writing("ada"))) == (400, 107)
    assert problem(await http.get("/api/nothing")) == (404, 404)
    assert problem(await http.put("/api/sessions", headers=bearer("ada"))) == (405, 104)
    assert problem(await http.get("/api/sessions", headers=bearer("ada"))) == (503, 503)  # there is no projector here


async def test_events_are_paged_and_streamed_by_one_cursor(http: httpx.AsyncClient) -> None:
    made = await create(http)
    path, messages = f"/api/sessions/{made['session_id']}", f"/api/chats/{made['chat_id']}/messages"

    async def send(content: str) -> int:
        body = {"session_id": made["session_id"], "content": content}
        return int((await http.post(messages, json=body, headers=writing("ada"))).json()["seq"])

    seqs = [await send(str(number)) for number in range(4)]
    page = (await http.get(f"{path}/events?after={seqs[0]}&limit=2", headers=bearer("ada"))).json()
    assert [event["offset"] for event in page["events"]] == seqs[1:3]
    assert (page["more"], page["offset"]) == (True, seqs[-1])

    async with http.stream("GET", f"{path}/stream", headers=bearer("ada", **{"Last-Event-ID": str(seqs[1])})) as live:
        blocks = sse(live)
        event_ids = [(await anext(blocks))["id"] for _ in range(2)]
        assert event_ids == [f"{seq}:{EPOCH}" for seq in seqs[2:]]
        later = await send("live")
        block = await anext(blocks)
        assert block["id"] == f"{later}:{EPOCH}"
        assert orjson.loads(block["data"])["data"]["data"]["content"] == "live"
    async with http.stream("GET", f"{path}/stream", headers=bearer("ada")) as fresh:
        block = await anext(sse(fresh))
        assert (block["event"], block["id"]) == ("snapshot", f"{later}:{EPOCH}")
    for epoch, first in ((EPOCH, f"{later}:{EPOCH}"), ("another", "snapshot")):
        back = bearer("ada", **{"Last-Event-ID": f"{seqs[3]}:{epoch}"})
        async with http.stream("GET", f"{path}/stream", headers=back) as again:
            block = await anext(sse(again))
            assert block.get("event", block["id"]) == first
    assert problem(await http.get(f"{path}/stream", headers=bearer("mallory"))) == (404, 404)


async def sse(response: httpx.Response) -> AsyncIterator[dict[str, str]]:
    """The blocks of a stream of server-sent events that carry data."""
    block: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            block[name] = value
            continue
        if "data" in block:
            yield block
        block = {}


async def test_cross_origin_use_is_refused_unless_allowed(http: httpx.AsyncClient) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}
    preflight = await http.options("/api/sessions", headers={"Origin": "https://app.example", **asks})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert preflight.headers["access-control-allow-credentials"] == "true"
    foreign = await http.options("/api/sessions", headers={"Origin": "https://evil.example", **asks})
    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in foreign.headers
    assert problem(await http.post("/api/auth/guest", headers={"Origin": "https://evil.example"})) == (403, 103)


async def test_the_page_the_docs_and_the_numbers_are_there(http: httpx.AsyncClient) -> None:
    assert "Antiphon" in (await http.get("/")).text
    assert ((await http.head("/")).status_code, (await http.head("/icon.svg")).status_code) == (200, 200)
    assert (await http.get("/api/docs")).status_code == 200
    assert "/api/sessions/{session_id}/stream" in (await http.get("/api/openapi.json")).json()["paths"]
    assert "antiphon_gateway_connections" in (await http.get("/metrics")).text


async def test_readiness_names_what_is_away_and_is_red_only_for_what_it_needs(nats_url: str) -> None:
    async with (
        running("gateway", {"ANTIPHON_NATS_URL": nats_url}, wait_ready=False) as gateway,
        httpx.AsyncClient(base_url=gateway.address) as http,
    ):

        async def alive() -> bool:
            try:
                return (await http.get("/health")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(alive)
        red = await http.get("/health/ready")
        assert red.status_code == 503
        assert "events stream missing" in red.json()["checks"]["events"]["error"]
        assert red.json()["checks"]["projector"]["degraded"] is True
        refused = await http.post("/api/sessions", headers=writing("ada"), timeout=15)
        assert problem(refused) == (503, 503)


async def test_without_a_secret_it_does_not_start_and_says_so() -> None:
    async with running("gateway", {"ANTIPHON_SECRET": "short"}, wait_ready=False) as gateway:
        assert await eventually(lambda: gateway.popen.poll()) == 1
        assert (
            gateway.log.strip() == "ANTIPHON_SECRET must be set to at least 32 characters, the same for every gateway."
        )
