"""The projector on real servers: what it answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest

from shared import errors, ids, subjects
from shared.bus.connection import Bus, connect
from shared.bus.query import QueryClient
from shared.bus.streams import wait_for_events
from shared.events import (
    ParticipantJoined,
)
from tests.support.conversation import answered, created, envelope, posted, put
from tests.support.services import running


@asynccontextmanager
async def owners(nats_url: str, database_url: str, projectors: int = 1) -> AsyncIterator[Bus]:
    """history and projectors are running."""
    environment = {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_DATABASE_URL": database_url}
    async with running("history", environment), running("projector", environment), connect(nats_url, "test") as bus:
        await wait_for_events(bus.js)
        if projectors == 1:
            yield bus
        else:
            async with running("projector", environment, "projector-2"):
                yield bus


async def test_a_conversation_can_be_asked_for(nats_url: str, database_url: str) -> None:
    async with owners(nats_url, database_url) as bus:
        query = QueryClient(bus)
        notices = await bus.client.subscribe(subjects.notice(subjects.user_token("bob")))
        reply = ids.uuid7()
        prompt = posted("s1", "why?", reply_id=reply)
        invited = ParticipantJoined(user="bob", name="Bob", invite_id=ids.uuid7())
        for event in [created("s1", title="Questions"), envelope("s1", invited, actor="bob"), prompt]:
            last = await put(bus, event)
        request = {"older_than_s": 0, "min_seq": last.seq}
        waiting = await query.ask("projector", "open_replies", request)
        (owed,) = waiting["replies"]
        assert {k: owed[k] for k in ("reply_id", "session_id", "chat_id", "requested_seq", "prompt_id", "attempt")} == {
            "reply_id": reply,
            "session_id": "s1",
            "chat_id": "c1",
            "requested_seq": 3,
            "prompt_id": prompt.id,
            "attempt": 0,
        }
        for event in answered("s1", reply, "because"):
            last = await put(bus, event)

        snapshot = await query.ask("projector", "snapshot", {"session_id": "s1", "min_seq": last.seq})
        assert (snapshot["at"], snapshot["active_chat"], snapshot["more"]) == (5, "c1", False)
        assert snapshot["session"]["title"] == "Questions"
        assert snapshot["session"]["usage"] == {"input_tokens": 11, "output_tokens": 5, "cached_tokens": 2}
        assert [(p["user"], p["role"]) for p in snapshot["participants"]] == [("ada", "owner"), ("bob", "member")]
        assert [(c["chat_id"], c["message_count"]) for c in snapshot["chats"]] == [("c1", 2)]
        assert [(m["role"], m["content"], m["seq"]) for m in snapshot["messages"]] == [
            ("user", "why?", 3),
            ("assistant", "because", 5),
        ]
        assert snapshot["messages"][1]["id"] == reply
        assert (await query.ask("projector", "open_replies", {}))["replies"] == []

        (listed,) = (await query.ask("projector", "sessions", {"user": "bob"}))["sessions"]
        assert (listed["title"], listed["chats"], listed["participants"], listed["role"]) == (
            "Questions",
            1,
            2,
            "member",
        )
        assert (listed["last_message"]["content"], listed["last_seq"]) == ("because", 5)
        notice = orjson.loads((await notices.next_msg()).data)
        assert (notice["type"], notice["session_id"]) == ("sessions.changed", "s1")
        await notices.unsubscribe()
        context = {"session_id": "s1", "chat_id": "c1", "up_to_seq": 4, "min_seq": 4, "limit": 10}
        assert [m["content"] for m in (await query.ask("projector", "context", context))["messages"]] == ["why?"]


async def test_a_session_that_is_not_there_has_no_snapshot(nats_url: str, database_url: str) -> None:
    async with owners(nats_url, database_url) as bus:
        answer = await QueryClient(bus).ask("projector", "snapshot", {"session_id": "nowhere"})
        assert answer == {"at": 0, "session": None}


async def test_a_position_that_does_not_come_is_unavailable(nats_url: str, database_url: str) -> None:
    async with owners(nats_url, database_url) as bus:
        with pytest.raises(errors.Unavailable, match="not yet at 7"):
            await QueryClient(bus).ask("projector", "snapshot", {"session_id": "s1", "min_seq": 7})


async def test_standbys_answer_and_wait_for_positions_too(nats_url: str, database_url: str) -> None:
    async with owners(nats_url, database_url, projectors=2) as bus:
        query = QueryClient(bus)
        await put(bus, created("s1"))
        for n in range(40):
            stored = await put(bus, posted("s1", f"message {n}"))
            snapshot = await query.ask("projector", "snapshot", {"session_id": "s1", "min_seq": stored.seq})
            assert snapshot["messages"][-1]["content"] == f"message {n}"


async def test_pages_of_a_chat_go_both_ways(database_url: str, nats_url: str) -> None:
    async with owners(nats_url, database_url) as bus:
        query = QueryClient(bus)
        await put(bus, created("s1"))
        stored = await asyncio.gather(*(put(bus, posted("s1", f"message {n}")) for n in range(120)))
        chat = {"session_id": "s1", "chat_id": "c1", "limit": 50, "min_seq": max(one.seq for one in stored)}
        newest = await query.ask("projector", "chat_history", chat)
        assert ([m["seq"] for m in newest["messages"]], newest["total"]) == ([*range(72, 122)], 120)
        assert (newest["more"], newest["large_history"]) == (True, False)
        older = await query.ask("projector", "chat_history", {**chat, "before": 22})
        assert ([m["seq"] for m in older["messages"]], older["more"]) == ([*range(2, 22)], False)
        later = await query.ask("projector", "chat_history", {**chat, "after": 22})
        assert ([m["seq"] for m in later["messages"]], later["more"]) == ([*range(23, 73)], True)


async def test_a_snapshot_stays_below_its_bytes(nats_url: str, database_url: str) -> None:
    async with owners(nats_url, database_url) as bus:
        await put(bus, created("s1"))
        for _ in range(5):
            last = await put(bus, posted("s1", "é" * 100_000))
        snapshot = await QueryClient(bus).ask("projector", "snapshot", {"session_id": "s1", "min_seq": last.seq})
        assert ([m["seq"] for m in snapshot["messages"]], snapshot["more"]) == ([5, 6], True)
