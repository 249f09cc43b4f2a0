"""Nonsense over HTTP: whatever is asked of whichever endpoint, the answer is sound or says what is wrong with it."""

import random
from typing import Any
from urllib.parse import quote

import httpx

from shared import ids
from tests.contract.test_served import ENDPOINTS
from tests.support.gateways import gateways, read_models
from tests.support.web import problem, web, write

TEXTS = [
    "", "x", "\0", "a" * 70, "é" * 40, "-1", "0", "1", str(2**53), str(2**70), "1e400", "NaN", "null", "true", "[]",
    "0001-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59.999999-23:59", "2026-01-01", "../..", "🎉",
    "day", "user", "' OR 1=1",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, 0, -1, 2**63, 2**70, 1.5, "", "x", "\0", "a" * 300, [], {}, [[]], {"a": {"b": "\0"}}, "root", "planner",
    {"title": "t"}, {"title": "\0"}, {"temperature": 1}, {"agent": "x"},
]  # fmt: skip
FIELDS = """session_id chat_id title kind project track key content metadata parent reply agent reason message_id name
chat_type unique_type role ttl_s invite target payload expected_seq up_to_seq temperature model system_prompt""".split()  # noqa: SIM905
PARAMETERS = """session_id after before limit wait_s epoch seq time by user since until query cursor project kind
expected_seq with_chats include_archived""".split()  # noqa: SIM905
ELSEWHERE = ("/api/auth", "/api/llm", "/api/agents")
ROUNDS = 250


class Asker:
    """Makes requests of which a part is right: the rest must not be passed over for that."""

    def __init__(self, http: httpx.AsyncClient, right: dict[str, str]) -> None:
        self._http = http
        self._right = right
        self._random = random.Random(7)
        self._places = [one for one in ENDPOINTS if not one[1].startswith(ELSEWHERE) and not one[1].endswith("/stream")]

    async def ask(self) -> tuple[str, httpx.Response]:
        pick = self._random
        method, path = pick.choice(self._places)
        wrong = {name: quote(pick.choice(TEXTS), safe="") or "x" for name in self._right if pick.random() < 0.2}
        params = {pick.choice(PARAMETERS): pick.choice(TEXTS) for _ in range(pick.randint(0, 2))}
        if "wait_s" in params:
            params["wait_s"] = pick.choice(["-1", "61", "0.01", "NaN", "inf"])
        body = {pick.choice(FIELDS): pick.choice(VALUES) for _ in range(pick.randint(0, 4))} | {"content": "x"}
        headers = {"Idempotency-Key": ids.uuid7() if pick.random() < 0.95 else pick.choice(["", "x", "0" * 36])}
        content = {} if method in ("GET", "HEAD") else {"json": body}
        where = path.format_map(self._right | wrong)
        answer = await self._http.request(method, where, params=params, headers=headers, **content)  # type: ignore[arg-type]
        return f"{method} {where} {params} {body}", answer


async def test_what_is_json_for_some_parsers_only_is_said_to_be_wrong(nats_url: str) -> None:
    """Half of a surrogate pair, as scripts write a text that was cut inside an emoji, and numbers that JSON lacks."""
    async with gateways(nats_url) as (gateway,), web(gateway, "ada") as http:
        made = (await write(http, "POST", "/api/sessions", {})).json()
        said, done = f"/api/chats/{made['chat_id']}/messages", f"/api/sessions/{made['session_id']}/operations"
        params = {"session_id": made["session_id"]}
        for odd in (r'"cut \ud83d"', r'{"\ud83d": 1}', str(10**30), "NaN", "-Infinity", "1e999"):
            message, operation = (
                f'{{"content":"x","metadata":{{"a":{odd}}}}}',
                f'{{"kind":"k","target":"t","payload":{odd}}}',
            )
            for path, body in ((said, message), (done, operation)):
                headers = {"Idempotency-Key": ids.uuid7(), "Content-Type": "application/json"}
                answer = await http.post(path, content=body, params=params, headers=headers)
                assert problem(answer) == (400, 107), (path, body, answer.text)


async def test_nonsense_is_the_callers_mistake_and_stays_in_its_place(nats_url: str, database_url: str) -> None:
    async with read_models(nats_url, database_url, 1) as (gateway,), web(gateway, "ada", operator=True) as http:
        made = (await write(http, "POST", "/api/sessions", {})).json()
        said = await write(http, "POST", f"/api/chats/{made['chat_id']}/messages", {"content": "x", "reply": True})
        right = {"session_id": made["session_id"], "chat_id": made["chat_id"], "user": "ada"}
        asker = Asker(http, right | {"message_id": said.json()["id"], "reply_id": said.json()["reply_id"]})
        for _ in range(ROUNDS):
            asked, answer = await asker.ask()
            assert answer.status_code < 500, (asked, answer.text)
            if answer.status_code >= 400 and answer.request.method != "HEAD":
                problem(answer)
        assert '"level": "error"' not in gateway.log
        last = await write(http, "POST", "/api/sessions", {"title": "still here"})
        stats = await http.get(f"/api/sessions/{last.json()['session_id']}/stats")
        assert stats.status_code == 200, "the read models follow"
