"""The projector on real servers: rows that follow the log, and what it answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import log
from services.history.entry import Entry
from services.projector import store, tables
from services.projector.projection import LogBehind, Projection
from shared import db, errors, ids, subjects
from shared.bus.connection import Bus, connect
from shared.bus.query import QueryClient
from shared.bus.streams import wait_for_events
from shared.events import (
    ChatCreated,
    Envelope,
    Manifest,
    ParticipantJoined,
    ReplyCompleted,
    ReplyStarted,
    Usage,
    encode,
)
from shared.settings import DatabaseSettings
from tests.support.conversation import created, envelope, posted, put
from tests.support.eventually import eventually
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


@asynccontextmanager
async def read_models(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Empty read models, and no process."""
    async with db.engine(DatabaseSettings(database_url=database_url)) as pool:
        engine = store.in_schema(pool)
        await store.create(engine)
        yield engine


async def append(engine: AsyncEngine, envelopes: list[Envelope]) -> None:
    head = await log.head(engine)
    entries = [
        Entry(head.seq + n, 1_700_000_000_000_000_000 + n, subjects.event(one.subject), encode(one))
        for n, one in enumerate(envelopes, start=1)
    ]
    await log.append(engine, head.epoch, entries)


async def fold_all(engine: AsyncEngine, page: int = 500) -> None:
    projection = Projection(engine)
    while (await projection.fold(page)).events:
        pass


async def everything(engine: AsyncEngine) -> dict[str, list[Any]]:
    async with engine.connect() as connection:
        return {
            name: sorted((await connection.execute(select(table))).all(), key=repr)
            for name, table in tables.READ_MODELS.items()
        }


def answered(session_id: str, reply_id: str, content: str) -> list[Envelope]:
    started = ReplyStarted(
        reply_id=reply_id, chat_id="c1", attempt=1, model="offline", manifest=Manifest(seqs=[1], digest="0")
    )
    completed = ReplyCompleted(
        reply_id=reply_id,
        chat_id="c1",
        attempt=1,
        content=content,
        model="offline",
        finish_reason="stop",
        usage=Usage(input_tokens=11, output_tokens=5, cached_tokens=2),
    )
    return [envelope(session_id, started, actor="svc/llm"), envelope(session_id, completed, actor="svc/llm")]


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


async def test_a_rebuild_gives_the_same_rows(database_url: str) -> None:
    async with read_models(database_url) as engine:
        envelopes: list[Envelope] = []
        for n in range(30):
            session, reply = f"s{n}", ids.uuid7()
            again = posted(session, "again")
            envelopes += [created(session), posted(session, "why?\x00", reply_id=reply)]
            envelopes += [*answered(session, reply, "because"), again, again]
            envelopes += [envelope(session, ChatCreated(chat_id="c2", name="Second")), posted(session, "x", "c2")]
        await append(engine, envelopes)
        await fold_all(engine, page=7)
        before = await everything(engine)
        assert len(before["messages"]) == 30 * 4
        await store.clear(engine)
        assert not (await everything(engine))["messages"]
        await fold_all(engine)
        assert await everything(engine) == before


async def test_poison_parks_its_session_and_no_other(database_url: str) -> None:
    async with read_models(database_url) as engine:
        too_long = posted("s2", "x").model_copy(update={"actor": "nul\x00"})
        bad_row = created("s4").model_copy(update={"subject": "s4"})
        bad_row.data["chat_id"] = "nul\x00"
        await append(engine, [created("s1"), created("s2"), posted("s2", "lost", "nowhere"), too_long, bad_row])
        await append(engine, [posted("s1", "kept"), posted("s2", "after"), created("s3"), posted("s3", "kept")])
        await fold_all(engine)
        rows = await everything(engine)
        assert sorted(row.session_id for row in rows["messages"]) == ["s1", "s3"]
        async with engine.connect() as connection:
            parked = (await connection.execute(select(tables.parked).order_by(tables.parked.c.seq))).all()
            assert [(row.session_id, row.seq) for row in parked] == [("s2", 3), ("s4", 5)]
            assert (await store.checkpoint(connection)).seq == 9


async def test_a_log_that_ends_before_the_checkpoint_is_refused(database_url: str) -> None:
    async with read_models(database_url) as engine:
        await append(engine, [created("s1")])
        await fold_all(engine)
        async with db.transaction(engine) as connection:
            await store.move_checkpoint(connection, store.Checkpoint("another", 7))
        with pytest.raises(LogBehind):
            await fold_all(engine)


async def test_a_killed_projector_leaves_rows_that_another_one_continues(nats_url: str, database_url: str) -> None:
    environment = {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_DATABASE_URL": database_url}
    async with (
        running("history", environment),
        running("projector", environment, "projector-1") as leader,
        running("projector", environment, "projector-2"),
        connect(nats_url, "test") as bus,
        read_models(database_url) as engine,
    ):
        await wait_for_events(bus.js)
        await put(bus, created("s1"))
        first = [asyncio.create_task(put(bus, posted("s1", f"message {n}"))) for n in range(1500)]
        await first[700]
        leader.kill()
        stored = await asyncio.gather(*first)
        last = max(one.seq for one in stored)

        async def caught_up() -> bool:
            async with engine.connect() as connection:
                return (await store.checkpoint(connection)).seq == last

        await eventually(caught_up, 15)
        rows = await everything(engine)
        assert len(rows["messages"]) == 1500
        assert rows["sessions"][0].message_count == 1500
        await store.clear(engine)
        await eventually(caught_up, 15)
        assert await everything(engine) == rows
