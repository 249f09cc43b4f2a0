"""The past of sessions, their counts and their cost, asked of the real read models on either gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from shared import auth, ids
from shared.bus import connection
from shared.bus.connection import Bus
from tests.support.client import Client, ReplyError, connected
from tests.support.conversation import answered, put
from tests.support.gateways import new_session, read_models, talking
from tests.support.services import SECRET, RealService
from tests.support.web import problem, web, write


@dataclass(frozen=True, slots=True)
class World:
    """Ada and Bob share a session, Eve is a stranger, Olga an operator."""

    two: list[RealService]
    bus: Bus
    ada: Client
    bob: Client
    eve: Client
    olga: Client


@asynccontextmanager
async def world(nats_url: str, database_url: str) -> AsyncIterator[World]:
    async with (
        read_models(nats_url, database_url) as two,
        connection.connect(nats_url, "test") as bus,
        talking(two, "ada", "bob", "eve") as (ada, bob, eve),
        connected(two[1].address, auth.mint(SECRET, "olga", operator=True)) as olga,
    ):
        yield World(two, bus, ada, bob, eve, olga)


async def refused(client: Client, method: str, **data: Any) -> int:
    with pytest.raises(ReplyError) as error:
        await client.rpc(method, **data)
    return error.value.code


async def answer_to(bus: Bus, session_id: str, asked: dict[str, Any]) -> int:
    """A worker's answer to a message: where it ended."""
    for event in answered(session_id, asked["reply_id"], "An answer."):
        data = {**event.data, "chat_id": asked["chat_id"]}
        published = await put(bus, event.model_copy(update={"data": data}))
    return published.seq


async def test_counts_cost_and_past_are_for_participants_and_operators(nats_url: str, database_url: str) -> None:
    async with world(nats_url, database_url) as w, web(w.two[1], "ada") as http, web(w.two[0], "eve") as strange:
        session_id = await new_session(w.ada, w.bob)
        before = await w.ada.send_message(session_id, "first")
        here = {"session_id": session_id, "chat_id": before["chat_id"]}
        moment = datetime.now(UTC).isoformat()
        edited = await w.ada.rpc("message.edit", **here, id=ids.uuid7(), message_id=before["id"], content="second")
        asked = await w.bob.send_message(session_id, "why?", reply=True)
        switched = await w.bob.rpc("agent.switch", **here, id=ids.uuid7(), agent="planner", reason="time for a plan")
        ended = await answer_to(w.bus, session_id, asked)

        stats = await w.bob.rpc("session.stats", session_id=session_id)
        assert stats["messages"] == {"total": 3, "by_role": {"user": 2, "assistant": 1, "system": 0, "tool": 0}}
        assert (stats["input_tokens"], stats["output_tokens"], stats["replies"]["completed"]) == (11, 5, 1)
        assert stats["at"] >= ended, "what this user had seen is counted"
        assert (await http.get(f"/api/sessions/{session_id}/stats")).json() == stats

        timeline = (await http.get(f"/api/sessions/{session_id}/timeline")).json()
        assert [(one["seq"], one["to"], one["reason"], one["by"]) for one in timeline["switches"]] == [
            (switched["seq"], "planner", "time for a plan", "bob")
        ]
        later = await w.ada.rpc("session.timeline", session_id=session_id, after=switched["seq"])
        assert (later["switches"], later["more"]) == ([], False)

        for params in ({"seq": before["seq"]}, {"time": moment}):
            past = (await http.get(f"/api/sessions/{session_id}/at", params=params)).json()
            assert [one["content"] for one in past["messages"]] == ["first"]
            assert past["at"] == before["seq"]
        now = await w.ada.rpc("session.at", session_id=session_id, time="2100-01-01T00:00:00+01:00")
        assert [one["content"] for one in now["messages"]] == ["second", "why?", "An answer."]
        for wrong in ({}, {"seq": 1, "time": stats["created_at"]}, {"time": "2026-01-01T00:00:00"}, {"seq": 0}):
            assert await refused(w.ada, "session.at", session_id=session_id, **wrong) == 107
        assert problem(await http.get(f"/api/sessions/{session_id}/at?time=now")) == (400, 107)

        told = await w.ada.rpc("message.revisions", session_id=session_id, message_id=before["id"])
        assert [(one["seq"], one["content"]) for one in told["revisions"]] == [
            (before["seq"], "first"),
            (edited["seq"], "second"),
        ]
        path = f"/api/chats/{here['chat_id']}/messages/{before['id']}/revisions"
        assert (await http.get(path)).json()["revisions"] == told["revisions"]

        for method, more in reads(before):
            assert await refused(w.eve, method, session_id=session_id, **more) == 404
            assert (await w.olga.rpc(method, session_id=session_id, **more))["at"]
            assert await refused(w.olga, method, session_id=ids.uuid7(), **more) == 404
        for name in ("stats", "timeline", "at?seq=9"):
            assert problem(await strange.get(f"/api/sessions/{session_id}/{name}")) == (404, 404)
        assert problem(await strange.get(path)) == (404, 404)
        assert "operator_reads" in w.two[1].log, "what operators look at is on record"
        assert await refused(w.olga, "chat.history", **here) == 404
        assert await refused(w.olga, "message.send", **here, id=ids.uuid7(), content="hello") == 404
        await check_usage(w, session_id, http)


def reads(message: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("session.stats", {}),
        ("session.timeline", {}),
        ("session.at", {"seq": message["seq"]}),
        ("message.revisions", {"message_id": message["id"]}),
    ]


async def check_usage(w: World, session_id: str, http: httpx.AsyncClient) -> None:
    """Bob has asked for one reply, Ada for none."""
    for by, key in (("model", "offline"), ("user", "bob"), ("chat_type", "discussion")):
        mine = await w.bob.rpc("usage.get", by=by, session_id=session_id)
        assert [(row["key"], row["replies"], row["input_tokens"]) for row in mine["rows"]] == [(key, 1, 11)]
    everybody = await w.olga.rpc("usage.get", by="user")
    assert [row["key"] for row in everybody["rows"]] == ["bob"]
    assert (await w.olga.rpc("usage.get", user="ada"))["total"]["replies"] == 0
    assert (await http.get("/api/usage")).json()["total"]["replies"] == 0
    assert (await w.bob.rpc("usage.get", until="2026-01-01T00:00:00Z"))["total"]["replies"] == 0
    assert await refused(w.ada, "usage.get", user="bob") == 103
    assert problem(await http.get("/api/usage?user=bob")) == (403, 103)
    assert problem(await http.get("/api/usage?by=moon")) == (400, 107)
    assert await refused(w.eve, "usage.get", session_id=session_id) == 404
    assert await refused(w.ada, "analytics.planning") == 103
    assert problem(await http.get("/api/analytics/planning")) == (403, 103)
    assert (await w.olga.rpc("analytics.planning"))["at"]
    listed = await w.olga.rpc("session.list", user="ada")
    assert [one["session_id"] for one in listed["sessions"]] == [session_id]
    assert (await w.olga.rpc("session.list"))["sessions"] == []
    assert await refused(w.eve, "session.list", user="ada") == 103


async def test_a_chat_is_found_without_its_session_on_either_gateway(nats_url: str, database_url: str) -> None:
    async with world(nats_url, database_url) as w, web(w.two[0], "ada") as http, web(w.two[1], "ada") as other:
        session_id = await new_session(w.ada, w.bob)
        made = await write(http, "POST", f"/api/sessions/{session_id}/chats", {"name": "Plans"})
        path = f"/api/chats/{made.json()['chat_id']}"
        for client in (other, http):  # at once: the read models may be a moment behind
            sent = await write(client, "POST", f"{path}/messages", {"content": "found"})
            assert (sent.status_code, sent.json()["session_id"]) == (201, session_id), sent.text
        page = (await other.get(f"{path}/messages")).json()
        assert [message["content"] for message in page["messages"]] == ["found", "found"]
        message = f"{path}/messages/{sent.json()['id']}"
        assert (await write(other, "PATCH", message, {"content": "changed"})).status_code == 200
        stale = await write(other, "DELETE", f"{message}?expected_seq={sent.json()['seq']}")
        assert problem(stale) == (409, 409)
        assert (await write(other, "DELETE", message)).status_code == 200
        assert (await write(other, "PATCH", path, {"name": "Better plans"})).status_code == 200
        assert (await write(other, "PUT", f"{path}/ai-context", {"temperature": 0.5})).status_code == 200
        asked = await w.ada.send_message(session_id, "why?", reply=True)
        call = {"id": ids.uuid7(), "reply_id": asked["reply_id"]}
        assert await refused(w.eve, "reply.cancel", **call) == 404
        cancelled = await w.bob.rpc("reply.cancel", **call)  # neither chat nor session is named
        again = await write(other, "POST", f"/api/replies/{asked['reply_id']}/cancel")
        assert (cancelled["session_id"], problem(again)) == (session_id, (422, 422))
        assert (await w.bob.rpc("chat.history", chat_id=made.json()["chat_id"]))["messages"][1]["redacted"] is True
        async with web(w.two[1], "eve") as strange:
            for method, where in (("GET", f"{path}/messages"), ("POST", f"{path}/welcome"), ("PATCH", path)):
                assert problem(await write(strange, method, where, {"name": "mine"})) == (404, 404)
            # Somebody else's chat under the same id, with the victim in it, takes nothing away.
            own = (await write(strange, "POST", "/api/sessions", {"session_id": "0"})).json()
            await write(strange, "POST", "/api/sessions/0/chats", {"name": "trap"}, key=made.json()["chat_id"])
            invited = await write(strange, "POST", f"/api/sessions/{own['session_id']}/invites")
            await w.bob.rpc("session.join", id=ids.uuid7(), invite=invited.json()["invite"])
            async with web(w.two[1], "bob") as victim:
                sent = await write(victim, "POST", f"{path}/messages", {"content": "where it belongs"})
                assert sent.json()["session_id"] == session_id


async def test_sessions_are_listed_by_what_they_are(nats_url: str, database_url: str) -> None:
    async with world(nats_url, database_url) as w, web(w.two[0], "ada") as http:
        talk = await new_session(w.ada)
        await w.ada.send_message(talk, "the quick brown fox")
        body = {"kind": "track", "track": {"title": "Rust in a month"}, "project": "learning"}
        track = (await write(http, "POST", "/api/sessions", body)).json()["session_id"]
        await write(http, "POST", f"/api/sessions/{talk}/archive")
        last = (await w.ada.send_message(track, "go"))["seq"]

        async def found(**params: Any) -> list[str]:
            answer = await http.get("/api/sessions", params=params)
            assert answer.status_code == 200, answer.text
            by_rpc = await w.ada.rpc("session.list", **params)
            assert by_rpc["sessions"] == answer.json()["sessions"]
            return [one["session_id"] for one in by_rpc["sessions"]]

        stats = await w.ada.rpc("session.stats", session_id=track)
        assert stats["at"] >= last, "the read models have come so far"
        assert await found() == [track]
        assert await found(include_archived=True) == [track, talk]
        assert await found(kind="chat", include_archived=True) == [talk]
        assert await found(project="learning") == [track]
        assert await found(query="brown", include_archived=True) == [talk]
        assert await found(query="rust") == [track]
        page = await w.ada.rpc("session.list", include_archived=True, limit=1, with_chats=True)
        assert [chat["chat_type"] for chat in page["sessions"][0]["chats"]] == ["planning"]
        assert await found(include_archived=True, limit=1, cursor=page["cursor"]) == [talk]
        for wrong in (
            {"kind": "moon"},
            {"limit": 0},
            {"cursor": "x"},
            {"query": "\0"},
            {"project": "a\0b"},
            {"query": ""},
        ):
            assert await refused(w.ada, "session.list", **wrong) == 107
        assert await found(query="'; -- %_\\ \" & | ! ( :* <->") == []
        for wrong in ({"by": "user", "user": "ada\0"}, {"session_id": "a b"}, {"since": stats["at"], "until": "soon"}):
            assert await refused(w.olga, "usage.get", **wrong) == 107
        assert problem(await http.get("/api/chats/%00/messages")) == (404, 404)
        for name in ("before", "after"):
            assert await refused(w.ada, "chat.history", session_id=track, **{name: 2**63 - 1}) == 107
        assert problem(await http.get(f"/api/sessions/{track}/events?after={2**70}")) == (400, 107)
        assert problem(await write(http, "POST", f"/api/replies/{'%00' * 36}/cancel")) == (404, 404)
