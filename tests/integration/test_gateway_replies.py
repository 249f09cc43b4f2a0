"""Replies, agents and plans asked for and cancelled, on two gateways: each command once, and by whom it may be."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared import ids, subjects
from shared.bus import connection
from tests.support.client import Client, ReplyError
from tests.support.conversation import answered, put
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, talking
from tests.support.responders import AGENTS, answering
from tests.support.services import RealService
from tests.support.web import problem, web, write

TRACK = {"title": "Rust in a month", "description": "From C++", "estimated_duration_hours": 40}


@asynccontextmanager
async def knowing_agents(nats_url: str) -> AsyncIterator[list[RealService]]:
    """Two gateways that know which agents there are."""
    async with (
        answering(nats_url, "llm", agents=lambda question: AGENTS),
        gateways(nats_url, 2) as two,
        talking(two, "ada", "ada") as clients,
    ):
        for client in clients:
            assert await client.rpc("agent.list") == AGENTS
        yield two


async def refused(client: Client, method: str, **data: Any) -> int:
    with pytest.raises(ReplyError) as error:
        await client.rpc(method, **{"id": ids.uuid7(), **data})
    return error.value.code


async def test_a_reply_is_asked_for_once_by_who_may(nats_url: str) -> None:
    async with (
        knowing_agents(nats_url) as two,
        talking(two, "ada", "ada", "eve", "vic") as (ada, elsewhere, eve, vic),
        web(two[1], "ada") as http,
        connection.connect(nats_url, "test") as bus,
    ):
        session_id = await new_session(ada)
        shown = await ada.rpc("chat.list", session_id=session_id)
        here = {"session_id": session_id, "chat_id": shown["active_chat"]}
        invited = await ada.rpc("session.invite", id=ids.uuid7(), session_id=session_id, role="viewer")
        await vic.rpc("session.join", id=ids.uuid7(), invite=invited["invite"])

        key = ids.uuid7()
        first = await ada.rpc("reply.request", id=key, **here)
        assert first["reply_id"] == ids.derived(key, "reply")
        stored = await bus.js.get_msg(subjects.EVENTS, first["seq"])
        assert (stored.headers or {})[subjects.HEADER_REPLY_ID] == first["reply_id"]
        again = {**first, "duplicate": True}
        assert await elsewhere.rpc("reply.request", id=key, **here) == again
        answer = await write(http, "POST", f"/api/chats/{here['chat_id']}/welcome?session_id={session_id}", key=key)
        assert (answer.status_code, answer.json()) == (200, again)
        for method, more in (
            ("reply.request", {"agent": "planner"}),
            ("message.send", {"content": "hello"}),
            ("agent.switch", {"agent": "planner"}),
        ):
            assert await refused(elsewhere, method, **{"id": key, **here, **more}) == 409

        question = (await ada.send_message(session_id, "why?", reply="planner"))["id"]
        for more in ({"message_id": question}, {"agent": "planner"}, {}):
            assert await refused(eve, "reply.request", **here, **more) == 404
            assert await refused(vic, "reply.request", **here, **more) == 103
        assert await refused(ada, "reply.request", **here, message_id=ids.uuid7()) == 404
        assert await refused(ada, "reply.request", **{**here, "chat_id": "elsewhere"}) == 404
        assert await refused(ada, "reply.request", **here, message_id=question, expected_seq=1) == 409
        assert await refused(eve, "reply.cancel", session_id=session_id, reply_id=first["reply_id"]) == 404

        for event in answered(session_id, first["reply_id"], "Welcome!"):
            await put(bus, event.model_copy(update={"data": {**event.data, "chat_id": here["chat_id"]}}))
        other = await ada.rpc("reply.request", id=ids.uuid7(), **here, message_id=first["reply_id"])
        event = await ada.call("history", channel=f"session:{session_id}", limit=1, reverse=True)
        asked = event["publications"][0]["data"]["data"]
        assert (asked["reply_id"], asked["purpose"]) == (other["reply_id"], "regenerate")


async def test_a_reply_is_cancelled_once_and_not_after_its_end(nats_url: str) -> None:
    async with (
        gateways(nats_url, 2) as two,
        talking(two, "ada", "bob", "vic") as (ada, bob, vic),
        web(two[0], "bob") as http,
        connection.connect(nats_url, "test") as bus,
    ):
        session_id = await new_session(ada, bob)
        invited = await ada.rpc("session.invite", id=ids.uuid7(), session_id=session_id, role="viewer")
        await vic.rpc("session.join", id=ids.uuid7(), invite=invited["invite"])
        sent = [await ada.send_message(session_id, words, reply=True) for words in ("one", "two")]
        call = {"id": ids.uuid7(), "session_id": session_id, "reply_id": sent[0]["reply_id"]}
        assert await refused(vic, "reply.cancel", **{**call, "id": ids.uuid7()}) == 103
        first = await bob.rpc("reply.cancel", **call)
        stored = await bus.js.get_msg(subjects.EVENTS, first["seq"])
        assert (stored.headers or {})[subjects.HEADER_REPLY_CANCEL] == call["reply_id"]
        assert (await bob.rpc("reply.cancel", **call))["duplicate"] is True
        assert await refused(ada, "reply.cancel", **{**call, "id": ids.uuid7()}) == 422, "it is on its way already"
        assert await refused(bob, "reply.cancel", **{**call, "reply_id": sent[1]["reply_id"]}) == 409

        for event in answered(session_id, sent[1]["reply_id"], "done"):
            ended = await put(bus, event)
        path = f"/api/replies/{sent[1]['reply_id']}/cancel?session_id={session_id}"
        late = await write(http, "POST", path)
        assert problem(late) == (404, 404)
        last = await ada.call("history", channel=f"session:{session_id}", limit=0)
        assert last["offset"] == ended.seq, "nothing was written after the end"


async def test_agents_are_known_by_name(nats_url: str) -> None:
    async with (
        knowing_agents(nats_url) as two,
        talking(two, "ada", "bob", "eve") as (ada, bob, eve),
        web(two[1], "ada") as http,
    ):
        session_id = await new_session(ada, bob)
        chat_id = (await ada.rpc("chat.list", session_id=session_id))["active_chat"]
        here = {"session_id": session_id, "chat_id": chat_id}
        assert (await http.get("/api/agents")).json() == AGENTS
        for method, more in (
            ("agent.switch", {"agent": "nobody"}),
            ("reply.request", {"agent": "nobody"}),
            ("message.send", {"content": "hello", "reply": "nobody"}),
            ("chat.configure", {"ai_context": {"agent": "nobody"}}),
            ("session.configure", {"ai_context": {"agent": "nobody"}}),
        ):
            assert await refused(ada, method, **here, **more) == 422

        path, body = f"/api/chats/{chat_id}/agent?session_id={session_id}", {"agent": "planner", "reason": "a plan"}
        key = ids.uuid7()
        switched = await write(http, "POST", path, body, key)
        assert switched.status_code == 200
        assert (await ada.rpc("agent.switch", id=key, **here, **body)) == {**switched.json(), "duplicate": True}
        assert await refused(bob, "agent.switch", **here, **body) == 422, "it is that one already"
        assert await refused(ada, "agent.switch", **{**here, "id": key, "agent": "coordinator"}) == 409
        assert await refused(eve, "agent.switch", **here, **body) == 404

        async def shown() -> bool:
            chats = (await bob.rpc("chat.list", session_id=session_id))["chats"]
            return bool(chats[0]["agent"] == "planner")

        await eventually(shown)


async def test_without_workers_any_name_is_accepted_and_the_list_says_so(nats_url: str) -> None:
    async with gateways(nats_url) as one, talking(one, "ada") as (ada,), web(one[0], "ada") as http:
        session_id = await new_session(ada)
        sent = await ada.send_message(session_id, "hello", reply="somebody")
        assert sent["reply_id"]
        for answer in (await http.get("/api/agents"), await http.post("/api/llm/test")):
            assert problem(answer) == (503, 503)


async def test_a_track_is_opened_with_its_greeting_and_has_one_plan_at_a_time(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "ada", "eve") as (ada, elsewhere, eve):
        async with web(two[0], "ada") as http, web(two[1], "ada") as other:
            key, body = ids.uuid7(), {"kind": "track", "track": TRACK}
            made = await write(http, "POST", "/api/sessions", body, key)
            assert made.status_code == 201
            first = made.json()
            assert first["reply_id"] == ids.derived(key, "reply")
            again = await write(other, "POST", "/api/sessions", body, key)
            assert (again.status_code, again.json()) == (200, {**first, "duplicate": True})
            different = {**body, "track": {**TRACK, "title": "Go in a month"}}
            assert problem(await write(other, "POST", "/api/sessions", different, key)) == (409, 409)
            assert problem(await write(http, "POST", "/api/sessions", {"kind": "track"})) == (400, 107)
            assert problem(await write(http, "POST", "/api/sessions", {"track": TRACK})) == (400, 107)
            chat = (await http.get(f"/api/sessions/{first['session_id']}/active-chat")).json()
            assert chat["chat_type"] == "planning"

            plan, path = ids.uuid7(), f"/api/chats/{chat['chat_id']}/finalize"
            asked = await write(http, "POST", path, key=plan)  # this gateway made the chat: it knows where it is
            assert asked.status_code == 201, asked.text
            here = {"session_id": first["session_id"], "chat_id": chat["chat_id"]}
            assert (await elsewhere.rpc("plan.finalize", id=plan, **here)) == {**asked.json(), "duplicate": True}
            assert problem(await write(other, "POST", f"{path}?session_id={first['session_id']}")) == (422, 422)
            assert await refused(elsewhere, "reply.request", **{**here, "id": plan}) == 409, "a greeting is no plan"
            assert await refused(eve, "plan.finalize", **here) == 404
        session_id = await new_session(ada)
        talk = (await ada.rpc("chat.list", session_id=session_id))["active_chat"]
        assert await refused(ada, "plan.finalize", session_id=session_id, chat_id=talk) == 422
