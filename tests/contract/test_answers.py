"""Reading over HTTP answers what the OpenAPI document says, to the last field, of a session that has everything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from pydantic import BaseModel

from services.gateway.api import answers, reports
from services.gateway.api import auth as tokens
from shared import auth, ids
from tests.support.eventually import eventually
from tests.support.gateways import read_models, token
from tests.support.openai_server import openai_server
from tests.support.services import SECRET, SERVICE_KEY, running

DOCUMENT = "/api/openapi.json"
STREAMS = {"/api/sessions/{session_id}/stream", "/api/sessions/{session_id}/export"}
TRACK = {"title": "Sailing", "difficulty_level": "beginner", "estimated_duration_hours": 3}


class Browser:
    """Whoever reads and writes over HTTP, as Ada or as an operator."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def write(self, method: str, path: str, **data: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token('ada')}", "Idempotency-Key": ids.uuid7()}
        return (await self._http.request(method, path, json=data, headers=headers)).raise_for_status().json()

    async def read(self, path: str, method: str = "GET", bearer: str = "", data: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {bearer or token('ada')}"}
        return (await self._http.request(method, path, headers=headers, json=data)).raise_for_status().json()


@asynccontextmanager
async def everything(nats_url: str, database_url: str) -> AsyncIterator[tuple[Browser, dict[str, str]]]:
    """A track with a plan, messages in all states, a failed reply, chats, hand-overs, objects; the names in paths."""
    async with (
        read_models(nats_url, database_url, 1) as (gateway,),
        httpx.AsyncClient(base_url=gateway.address) as http,
    ):
        ada = Browser(http)
        async with running("llm", {"ANTIPHON_NATS_URL": nats_url}):
            session = await ada.write("POST", "/api/sessions", title="T", kind="track", track=TRACK)
            at = {"session_id": session["session_id"], "chat_id": session["chat_id"]}
            here, messages = f"/api/sessions/{at['session_id']}", f"/api/chats/{at['chat_id']}/messages"
            await ada.write("POST", messages, content="Plan it", reply=True, metadata={"from": 1})
            edited = await ada.write("POST", messages, content="helo")
            await ada.write("PATCH", f"{messages}/{edited['id']}", content="hello")
            taken_back = await ada.write("POST", messages, content="oops")
            await ada.write("DELETE", f"{messages}/{taken_back['id']}")
            await replies_end(ada, here, 2)
            await ada.write("POST", f"/api/chats/{at['chat_id']}/finalize")
            await replies_end(ada, here, 3)
        async with openai_server() as provider:
            provider.faults = [401] * 9
            given = {"OPENAI_BASE_URL": provider.url, "OPENAI_API_KEY": "sk", "ANTIPHON_NATS_URL": nats_url}
            async with running("llm", given, "llm-2"):
                await ada.write("POST", messages, content="Once more", reply=True)
                await replies_end(ada, here, 4)
        second = await ada.write("POST", f"{here}/chats", name="Second")
        await ada.write("PUT", f"/api/chats/{second['chat_id']}/ai-context", temperature=0.3)
        await ada.write("POST", f"/api/chats/{at['chat_id']}/agent", agent="coordinator", reason="a change")
        moved = await ada.write("POST", f"{here}/operations", kind="move", target="card", payload={"x": 1})
        await ada.write("POST", f"{here}/receipts", up_to_seq=moved["seq"])
        async with running("llm", {"ANTIPHON_NATS_URL": nats_url}, "llm-3"):
            yield ada, at | {"message_id": edited["id"]}


async def replies_end(ada: Browser, here: str, number: int) -> None:
    async def all_of_them() -> bool:
        found = (await ada.read(f"{here}/stats"))["replies"]
        return sum(found.values()) == number

    await eventually(all_of_them, 20)


def model_of(operation: dict[str, Any]) -> type[BaseModel]:
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    name = schema["$ref"].rsplit("/", 1)[1]
    found: type[BaseModel] = next(getattr(it, name) for it in (answers, reports, tokens) if hasattr(it, name))
    return found


async def test_every_reading_answers_what_the_document_says(nats_url: str, database_url: str) -> None:
    asked = {
        "/api/sessions": "?with_chats=true",
        "/api/sessions/{session_id}/at": "?seq=4",
        "/api/usage": "?by=model",
    }
    operator = auth.mint(SECRET, "op", operator=True)
    async with everything(nats_url, database_url) as (ada, names):
        document = await ada.read(DOCUMENT)
        read = {path: item["get"] for path, item in document["paths"].items() if "get" in item and path not in STREAMS}
        assert len(read) == 15
        for path, operation in read.items():
            bearer = operator if "analytics" in path else ""
            found = await ada.read(path.format_map(names) + asked.get(path, ""), bearer=bearer)
            model_of(operation).model_validate(found, extra="forbid")
        for path, data, bearer in (
            ("/api/auth/guest", {"name": "Bob"}, ""),
            ("/api/auth/refresh", None, ""),
            ("/api/auth/token", {"user": "eve"}, SERVICE_KEY),
            ("/api/llm/test", None, ""),
        ):
            found = await ada.read(path, "POST", bearer, data)
            model_of(document["paths"][path]["post"]).model_validate(found, extra="forbid")
