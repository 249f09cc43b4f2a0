"""What clients are promised is served by a running gateway, is described, and is nobody's without a token."""

from typing import Any

import httpx

from tests.support.client import Client, ReplyError, connected
from tests.support.gateways import gateways, token
from tests.support.responders import AGENTS, answering

METHODS = {
    "session": "create get_or_create rename configure archive unarchive delete restore exists list invite join leave "
    "remove set_role at stats timeline",
    "chat": "create rename configure activate list history",
    "message": "send edit redact revisions",
    "reply": "request cancel",
    "agent": "list switch",
    "plan": "finalize",
    "receipt": "read",
    "operation": "submit",
    "object": "list",
    "usage": "get",
    "analytics": "planning",
    "llm": "test",
}
NAMES = [f"{of}.{verb}" for of, verbs in METHODS.items() for verb in verbs.split()] + ["typing", "awareness"]

SESSION, CHAT = "/api/sessions/{session_id}", "/api/chats/{chat_id}"
OPEN = [("POST", "/api/auth/guest")]
ENDPOINTS = [
    *OPEN,
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/token"),
    ("GET", "/api/sessions"),
    ("POST", "/api/sessions"),
    ("POST", "/api/sessions/get-or-create"),
    ("GET", f"{SESSION}/export"),
    ("POST", "/api/sessions/join"),
    *[(method, SESSION) for method in ("GET", "HEAD", "PATCH", "DELETE")],
    *[("POST", f"{SESSION}/{verb}") for verb in ("restore", "archive", "unarchive", "leave", "switch-chat")],
    *[("POST", f"{SESSION}/{things}") for things in ("invites", "chats", "operations", "receipts")],
    *[("GET", f"{SESSION}/{what}") for what in ("events", "stream", "at", "stats", "timeline")],
    *[("GET", f"{SESSION}/{what}") for what in ("chats", "active-chat", "participants", "objects")],
    ("PUT", f"{SESSION}/ai-context"),
    ("PATCH", f"{SESSION}/participants/{{user}}"),
    ("DELETE", f"{SESSION}/participants/{{user}}"),
    ("PATCH", CHAT),
    ("PUT", f"{CHAT}/ai-context"),
    *[("POST", f"{CHAT}/{verb}") for verb in ("agent", "welcome", "finalize", "replies")],
    ("POST", "/api/replies/{reply_id}/cancel"),
    ("GET", f"{CHAT}/messages"),
    ("POST", f"{CHAT}/messages"),
    ("PATCH", f"{CHAT}/messages/{{message_id}}"),
    ("DELETE", f"{CHAT}/messages/{{message_id}}"),
    ("GET", f"{CHAT}/messages/{{message_id}}/revisions"),
    ("GET", "/api/agents"),
    ("GET", "/api/usage"),
    ("GET", "/api/analytics/planning"),
    ("POST", "/api/llm/test"),
]
PLAIN = ["/health", "/health/live", "/health/ready", "/metrics", "/", "/api/docs"]


async def test_every_method_and_every_endpoint_is_there(nats_url: str) -> None:
    async with (
        answering(nats_url, "projector", sessions=nothing, usage=nothing),
        answering(nats_url, "llm", agents=lambda question: AGENTS, test=nothing),
        gateways(nats_url, 1, {"ANTIPHON_COMMANDS_PER_S": "0"}) as (gateway,),
        connected(gateway.address, token("ada")) as ada,
        httpx.AsyncClient(base_url=gateway.address) as http,
    ):
        assert [name for name in NAMES if await code_of(ada, name) == 104] == []
        assert await code_of(ada, "session.nothing") == 104
        document = (await http.get("/api/openapi.json")).json()
        described = {(method.upper(), plain(path)) for path, item in document["paths"].items() for method in item}
        assert set(ENDPOINTS) - described == set()
        assert described - set(ENDPOINTS) == set(), "new endpoints belong into the table"
        for method, path in ENDPOINTS:
            answer = await http.request(method, path.format_map(Anything()))
            assert answer.status_code == (200 if (method, path) in OPEN else 401), (method, path, answer.text)
            if answer.status_code == 401:
                assert answer.headers["content-type"] == "application/problem+json"
        for path in PLAIN:
            assert (await http.get(path)).status_code == 200, path
        check_description(document)


class Anything(dict[str, str]):
    """A well-formed value for whatever a path asks for."""

    def __missing__(self, name: str) -> str:
        return "018f0000-0000-7000-8000-000000000000"


def nothing(question: dict[str, Any]) -> dict[str, Any]:
    return {}


def plain(path: str) -> str:
    return path.replace(":path}", "}")


async def code_of(client: Client, method: str) -> int:
    """The code that a call without parameters is refused with; 0 if it is answered."""
    try:
        await client.rpc(method)
    except ReplyError as error:
        return error.code
    return 0


def check_description(document: dict[str, Any]) -> None:
    """Operations say what they do, how to prove who one is, and which problems they answer."""
    problem = {"$ref": "#/components/schemas/Problem"}
    assert set(document["components"]["schemas"]["Problem"]["properties"]) >= {"type", "title", "status", "code"}
    names = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            names.append(operation["operationId"])
            assert operation.get("description"), (method, path)
            assert operation["responses"]["4XX"]["content"]["application/problem+json"]["schema"] == problem
            assert "422" not in operation["responses"], "a malformed request is answered with 400, as a problem"
            parameters = {one["name"].lower() for one in operation.get("parameters", [])}
            assert "authorization" not in parameters, "what the standard passes over is no parameter"
            if "idempotency-key" in parameters:
                written = operation["responses"]["200"]["content"]["application/json"]["schema"]
                assert written == {"$ref": "#/components/schemas/Written"}
            if (method.upper(), path) not in OPEN:
                assert operation["security"] == [{"HTTPBearer": []}], (method, path)
    assert len(names) == len(set(names))
    assert {"sessions_create", "messages_send"} < set(names)
