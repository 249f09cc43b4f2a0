"""What sockets can do, done over HTTP: the same commands under the same ids, on another gateway."""

import asyncio
from typing import Any

from shared import ids
from tests.support.gateways import gateways, new_session, talking
from tests.support.responders import AGENTS, answering
from tests.support.web import problem, web, write

WELL = {"ok": True, "model": "offline", "latency_ms": 3}


async def test_a_command_is_the_same_over_http_and_on_a_socket(nats_url: str) -> None:
    async with (
        gateways(nats_url, 2) as two,
        talking(two, "ada", "bob") as (ada, bob),
        web(two[1], "ada") as http,
        web(two[0], "bob") as guest,
    ):
        session_id = await new_session(ada, bob)
        said = await ada.send_message(session_id, "hello")
        path = f"/api/sessions/{session_id}"
        put = {"kind": "move", "target": "card", "payload": {"x": 1}, "expected_seq": 0}
        faces: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
            (
                "PUT",
                f"{path}/ai-context",
                "session.configure",
                {"temperature": 0.5},
                {"ai_context": {"temperature": 0.5}},
            ),
            ("POST", f"{path}/operations", "operation.submit", put, put),
            ("POST", f"{path}/receipts", "receipt.read", {"up_to_seq": said["seq"]}, {"up_to_seq": said["seq"]}),
            ("POST", f"{path}/archive", "session.archive", {}, {}),
        ]
        for verb, where, method, body, data in faces:
            key = ids.uuid7()
            first = await write(http, verb, where, body, key)
            assert first.status_code in (200, 201), (where, first.text)
            again = await ada.rpc(method, id=key, session_id=session_id, **data)
            assert again == {**first.json(), "duplicate": True}, method
        assert problem(await write(guest, "POST", f"{path}/operations", put)) == (409, 409)
        snapshot = (await http.get(path)).json()
        assert snapshot["receipts"] == [{"user": "ada", "up_to_seq": said["seq"]}]
        assert (await write(guest, "POST", f"{path}/leave")).status_code == 200
        assert problem(await guest.get(path)) == (404, 404)
        assert problem(await write(http, "POST", f"{path}/leave")) == (422, 422), "the owner stays"


async def test_the_session_of_a_key_is_one_over_http_too(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, web(two[0], "ada") as http, web(two[1], "ada") as other:
        path, body = "/api/sessions/get-or-create", {"key": "room 7", "title": "Seven"}
        answers = await asyncio.gather(*[write(client, "POST", path, body) for client in (http, other) * 5])
        assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
        assert len({answer.json()["session_id"] for answer in answers}) == 1
        assert problem(await write(http, "POST", path, {"key": ""})) == (400, 107)


async def test_the_model_is_tested_seldom_however_many_ask(nats_url: str) -> None:
    limited = {"ANTIPHON_LLM_TESTS_PER_MINUTE": "4"}
    async with (
        answering(nats_url, "llm", test=lambda question: WELL, agents=lambda question: AGENTS) as worker,
        gateways(nats_url, 1, limited) as one,
        web(one[0], "ada") as ada,
        web(one[0], "bob") as bob,
        talking(one, "eve") as (eve,),
    ):
        answers = await asyncio.gather(*[client.post("/api/llm/test") for client in (ada, bob) * 2])
        assert [answer.json() for answer in answers] == [WELL] * 4
        assert await eve.rpc("llm.test") == WELL
        assert worker.count("test") == 1
        refused = [await ada.post("/api/llm/test") for _ in range(3)][-1]
        assert problem(refused) == (429, 111)
        assert int(refused.headers["Retry-After"]) >= 10
        assert (await bob.post("/api/llm/test")).status_code == 200, "what one asks for is not taken from another"


async def test_requests_of_one_user_are_limited_as_on_a_socket(nats_url: str) -> None:
    async with (
        gateways(nats_url, 1, {"ANTIPHON_COMMANDS_PER_S": "2"}) as one,
        web(one[0], "ada") as ada,
        web(one[0], "bob") as bob,
    ):
        path = f"/api/sessions/{ids.uuid7()}"
        answers = [await ada.get(path) for _ in range(20)]
        codes = [answer.status_code for answer in answers]
        assert codes[:4] == [404] * 4
        assert 429 in codes
        refused = answers[codes.index(429)]
        assert problem(refused) == (429, 111)
        assert refused.json()["temporary"] is True
        assert (await bob.get(path)).status_code == 404
