"""What the projector says of the past: agents, plans, wordings, and a session as it was."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared import db, errors, ids
from shared.events import (
    AgentSwitched,
    ContentErased,
    MessageEdited,
    MessagePosted,
    OperationApplied,
    ParticipantJoined,
    PlanFinalized,
    PlanModule,
    ReceiptRead,
    ReplyFailed,
    ReplyRequested,
    SessionCreated,
    Track,
    Usage,
)
from tests.support.conversation import created, envelope, posted
from tests.support.folding import answer, asking, said


async def test_agents_plans_and_planning_are_on_record(database_url: str) -> None:
    async with asking(database_url) as projector:
        reply, asked = ids.uuid7(), ids.uuid7()
        track = Track(title="Rust", user_expectations="be quick")
        opened = SessionCreated(owner="ada", chat_id="c1", kind="track", track=track, reply_id=reply)
        module = PlanModule(title="Start", hours=2.5, topics=["cargo"])
        plan = PlanFinalized(
            reply_id=asked, chat_id="c1", attempt=1, title="The plan", modules=[module, module], model="m1",
            usage=Usage(output_tokens=30),
        )  # fmt: skip
        switch = AgentSwitched(chat_id="c1", agent="critic", previous="coach", reason="harder", metadata={"k": 1})
        wanted = ReplyRequested(reply_id=asked, chat_id="c1", purpose="finalize")
        long_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
        await projector.told(
            envelope("s1", opened, at=long_ago), answer("s1", reply, "hello"), envelope("s1", switch),
            posted("s1", "go on"), envelope("s1", wanted), envelope("s1", plan, actor="svc/llm"),
        )  # fmt: skip
        snapshot = await projector.ask("snapshot", session_id="s1")
        assert snapshot["track"]["user_expectations"] == "be quick"
        (shown,) = snapshot["plans"]
        assert (shown["title"], shown["chat_id"], [part["hours"] for part in shown["modules"]]) == (
            "The plan", "c1", [2.5, 2.5],
        )  # fmt: skip
        assert (snapshot["chats"][0]["status"], snapshot["chats"][0]["agent"]) == ("finalized", "critic")
        timeline = await projector.ask("timeline", session_id="s1")
        (found,) = timeline["switches"]
        assert (found["seq"], found["from"], found["to"], found["reason"], found["by"]) == (
            3, "coach", "critic", "harder", "ada",
        )  # fmt: skip
        assert (await projector.ask("timeline", session_id="s1", after=3))["switches"] == []
        analytics = await projector.ask("analytics", since=long_ago)
        assert (analytics["chats"], analytics["finalized"], analytics["messages"]) == (1, 1, 2)
        assert analytics["tokens_per_message"] == 22.5
        assert analytics["time_to_plan_s"]["median"] > 80_000
        assert analytics["days"] == [{"day": long_ago.strftime("%Y-%m-%d"), "chats": 1}]


async def test_every_wording_of_a_message_is_kept_until_it_is_erased(database_url: str) -> None:
    async with asking(database_url) as projector:
        message = ids.uuid7()
        edit = MessageEdited(message_id=message, chat_id="c1", content="second")
        await projector.told(created("s1"), posted("s1", "first", event_id=message), envelope("s1", edit))
        question = {"session_id": "s1", "message_id": message}
        wordings = (await projector.ask("revisions", **question))["revisions"]
        assert [(one["seq"], one["content"], one["author"]) for one in wordings] == [
            (2, "first", "ada"),
            (3, "second", "ada"),
        ]
        target = (await projector.ask("target", **question))["target"]
        assert target == {
            "seq": 3, "author": "ada", "chat_id": "c1", "redacted": False, "role": "user", "parent": "",
        }  # fmt: skip
        order = ContentErased(seqs=[2, 3], message_ids=[message], reason="asked for")
        await projector.told(envelope("s1", order, actor="svc/ops"))
        assert [one["content"] for one in (await projector.ask("revisions", **question))["revisions"]] == [""]
        (shown,) = (await projector.ask("snapshot", session_id="s1"))["messages"]
        assert (shown["erased"], shown["content"], shown["seq"]) == (True, "", 2)
        assert said(await projector.ask("context", session_id="s1", chat_id="c1")) == []


async def test_a_session_is_shown_as_it_was_at_every_position(database_url: str) -> None:
    async with asking(database_url) as projector:
        message, reply, lost = ids.uuid7(), ids.uuid7(), ids.uuid7()
        edit = MessageEdited(message_id=message, chat_id="c1", content="changed")
        failed = ReplyFailed(
            reply_id=lost, chat_id="c1", attempt=1, reason="timeout", message="It took too long.", partial="I th\x00"
        )
        story = [
            created("s1", title="Then"), posted("s1", "one", event_id=message, reply_id=reply),
            answer("s1", reply, "two", message), envelope("s1", AgentSwitched(chat_id="c1", agent="critic")),
            envelope("s1", ParticipantJoined(user="bob", invite_id=ids.uuid7()), actor="bob"),
            envelope("s1", ReceiptRead(user="bob", up_to_seq=2), actor="bob"), envelope("s1", edit),
            posted("s1", "other", event_id=ids.uuid7(), reply_id=lost), envelope("s1", failed, actor="svc/llm"),
        ]  # fmt: skip
        seen: list[dict[str, Any]] = []
        for event in story:
            await projector.told(event)
            seen.append(await projector.ask("snapshot", session_id="s1"))
        for seq, snapshot in enumerate(seen, start=1):
            assert await projector.ask("at", session_id="s1", seq=seq) == snapshot
        assert await projector.ask("at", session_id="s1", time=datetime.now(UTC)) == seen[-1]
        (shown,), (switch,) = seen[-1]["failed"], seen[-1]["switches"]
        assert (shown["seq"], shown["reason"], shown["message"]) == (9, "timeout", "It took too long.")
        assert (shown["partial"], shown["parent"]) == ("I th\N{REPLACEMENT CHARACTER}", seen[-1]["messages"][-1]["id"])
        assert (switch["seq"], switch["to"]) == (4, "critic")
        pages = [{"limit": 1}, {"limit": 1, "before": 8}, {"limit": 2, "after": 2}, {"limit": 1, "after": 2}]
        covered = [
            tuple([one["seq"] for one in page[name]] for name in ("messages", "failed", "switches"))
            for page in [await projector.ask("chat_history", session_id="s1", chat_id="c1", **asked) for asked in pages]
        ]
        assert covered == [([8], [9], []), ([3], [], [4]), ([3, 8], [9], [4]), ([3], [], [])]
        with pytest.raises(errors.NotFound):
            await projector.ask("at", session_id="s1", time=datetime(2001, 1, 1, tzinfo=UTC))
        with pytest.raises(errors.BadRequest):
            await projector.ask("at", session_id="s1")


async def test_a_query_that_takes_too_long_is_unavailable(database_url: str) -> None:
    async with asking(database_url) as projector, db.transaction(projector.pool) as connection:
        await connection.execute(text("LOCK TABLE read_v3.sessions IN ACCESS EXCLUSIVE MODE"))
        async with asking(database_url, statement_timeout_s=0.05) as hasty:
            with pytest.raises(errors.Unavailable, match="too long"):
                await hasty.ask("snapshot", session_id="s1")


async def test_whatever_json_a_message_carries_is_kept(database_url: str) -> None:
    async with asking(database_url) as projector:
        odd = {"big": 2**70, "far": 1e30, "none": None, "list": [1, [2.5, "\u00e9\u2028"]], "nul": "a\x00b", "": {}}
        strange = MessagePosted(chat_id="c1", content='"quoted" \\ and\x00', metadata=odd)
        nothing = OperationApplied(kind="set", target="empty", payload=None)
        await projector.told(created("s1"), envelope("s1", strange), envelope("s1", nothing))
        (shown,) = (await projector.ask("snapshot", session_id="s1"))["messages"]
        assert shown["metadata"] == {**odd, "big": 2.0**70, "nul": "a\N{REPLACEMENT CHARACTER}b"}
        assert shown["content"] == '"quoted" \\ and\N{REPLACEMENT CHARACTER}'
        (found,) = (await projector.ask("objects", session_id="s1"))["objects"]
        assert (found["target"], found["payload"]) == ("empty", None)
