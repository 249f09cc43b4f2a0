"""What the projector answers, on real tables: one history, asked about in every way."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from shared import errors, ids
from shared.events import (
    AiContext,
    ChatConfigured,
    ChatCreated,
    MessagePosted,
    ParticipantJoined,
    ReceiptRead,
    ReplyFailed,
    SessionArchived,
    SessionConfigured,
    SessionCreated,
    Track,
    Usage,
)
from tests.support.conversation import created, envelope, posted
from tests.support.folding import answer, asking, said


async def test_a_model_is_shown_the_branch_it_answers(database_url: str) -> None:
    async with asking(database_url) as projector:
        first, other, again, reply, second = (ids.uuid7() for _ in range(5))
        session = SessionConfigured(ai_context=AiContext(model="big", temperature=0.5))
        chat = ChatConfigured(chat_id="c1", ai_context=AiContext(model="small", agent="coach"))
        branch = MessagePosted(chat_id="c1", content="better", parent=reply)
        await projector.told(
            created("s1"), envelope("s1", session), envelope("s1", chat),
            posted("s1", "one", event_id=first, reply_id=reply), answer("s1", reply, "two", first),
            posted("s1", "worse", event_id=other), envelope("s1", branch, event_id=again),
            posted("s1", "next", event_id=second),
        )  # fmt: skip
        question = {"session_id": "s1", "chat_id": "c1"}
        context = await projector.ask("context", **question, message_id=second)
        assert said(context) == ["one", "two", "better", "next"]
        assert (context["agent"], context["chat_type"], context["kind"], context["track"]) == (
            "coach", "discussion", "chat", None,
        )  # fmt: skip
        assert context["ai_context"] == {"model": "small", "temperature": 0.5, "agent": "coach"}
        assert said(await projector.ask("context", **question, message_id=other)) == ["one", "two", "worse"]
        short = await projector.ask("context", **question, message_id=second, limit=2)
        assert (said(short), short["more"]) == (["better", "next"], True)
        few = await projector.ask("context", **question, message_id=second, max_tokens=14)
        assert (said(few), few["more"]) == (["better", "next"], True)
        assert said(await projector.ask("context", **question, up_to_seq=6)) == ["one", "two", "worse"]


@pytest.mark.parametrize(
    ("content", "metadata", "shown"), [("hi", {"file": "x" * 8000}, 200), ('"\x01' * 5000, {}, 10)]
)
async def test_what_a_model_is_shown_fits_one_message_of_the_bus(
    database_url: str, content: str, metadata: dict[str, Any], shown: int
) -> None:
    async with asking(database_url) as projector:
        message = MessagePosted(chat_id="c1", content=content, metadata=metadata)
        await projector.told(created("s1"), *(envelope("s1", message) for _ in range(200)), posted("s1", "last"))
        context = await projector.ask("context", session_id="s1", chat_id="c1", limit=201)
    assert len(orjson.dumps(context["messages"])) < 900_000
    assert len(context["messages"]) > shown
    assert said(context)[-1] == "last"


async def test_answers_that_were_finished_meanwhile_are_shown_to_the_next_model(database_url: str) -> None:
    async with asking(database_url) as projector:
        mine, his, reply = ids.uuid7(), ids.uuid7(), ids.uuid7()
        await projector.told(
            created("s1"), posted("s1", "mine", event_id=mine, reply_id=reply), posted("s1", "his", event_id=his),
            answer("s1", reply, "to mine", mine), posted("s1", "later"),
        )  # fmt: skip
        context = await projector.ask("context", session_id="s1", chat_id="c1", message_id=his)
        assert said(context) == ["mine", "his", "to mine"]


async def test_sessions_are_found_by_title_and_text_in_russian_and_english(database_url: str) -> None:
    async with asking(database_url) as projector:
        await projector.told(
            created("s1", title="Planning a wedding"), created("s2", title="Учебный план"), created("s3"),
            posted("s1", "We booked three restaurants"), posted("s3", "Напиши мне несколько сообщений"),
            created("s4", owner="eve", title="Planning"), posted("s2", "100%_sure about plans"),
        )  # fmt: skip

        async def found(query: str, **more: Any) -> list[str]:
            page = await projector.ask("sessions", user="ada", query=query, **more)
            return [one["session_id"] for one in page["sessions"]]

        assert await found("restaurant") == ["s1"]
        assert await found("сообщение") == ["s3"]
        assert await found("планы") == ["s2"]
        assert await found("wedd") == ["s1"], "the beginning of a word is found in a title"
        assert await found("100%") == ["s2"]
        assert await found("nowhere") == []
        assert await found("the и") == [], "words that say nothing"
        assert await found("booked -restaurants") == []
        assert await found("booked --restaurants") == []
        for odd in ("-" * 1000, "- " * 500, "-." * 500, '-"' * 500, '-"" ' * 200, "or " * 300, "!&|(" * 200):
            assert await found(odd) == [], odd
        (match,) = (await projector.ask("sessions", user="ada", query="booking"))["sessions"]
        assert (match["session_id"], match["match"]["text"]) == ("s1", "We booked three restaurants")
        pages, cursor = [], None
        while True:
            page = await projector.ask("sessions", user="ada", query="plan", limit=1, cursor=cursor)
            pages += [one["session_id"] for one in page["sessions"]]
            if (cursor := page["cursor"]) is None:
                break
        assert pages == ["s2", "s1"]


async def test_the_list_is_filtered_and_grouped_and_counts_what_is_unread(database_url: str) -> None:
    async with asking(database_url) as projector:
        joined = ParticipantJoined(user="bob", invite_id=ids.uuid7())
        track = SessionCreated(
            owner="ada", chat_id="c1", kind="track", title="Learn", project="p", track=Track(title="Learn")
        )
        await projector.told(
            created("s1", title="Chat"), envelope("s1", joined, actor="bob"), posted("s1", "a"), posted("s1", "b"),
            envelope("s1", ReceiptRead(user="bob", up_to_seq=3), actor="bob"), posted("s1", "c", actor="bob"),
            envelope("s2", track), created("s3"), envelope("s3", SessionArchived()),
            envelope("s2", ChatCreated(chat_id="c2", name="Second")),
        )  # fmt: skip
        listed = await projector.ask("sessions", user="ada", with_chats=True)
        assert [one["session_id"] for one in listed["sessions"]] == ["s2", "s1"]
        assert [(c["chat_id"], c["name"], c["chat_type"], c["agent"]) for c in listed["sessions"][0]["chats"]] == [
            ("c1", "Planning", "planning", None),
            ("c2", "Second", "discussion", None),
        ]
        (of_bob,) = (await projector.ask("sessions", user="bob"))["sessions"]
        assert (of_bob["unread"], of_bob["chats"], of_bob["participants"]) == (1, 1, 2)
        assert [
            one["session_id"] for one in (await projector.ask("sessions", user="ada", kind="track"))["sessions"]
        ] == ["s2"]
        assert (await projector.ask("sessions", user="ada", project="q"))["sessions"] == []
        assert len((await projector.ask("sessions", user="ada", include_archived=True))["sessions"]) == 3
        assert (await projector.ask("chat", chat_id="c2", user="ada"))["session_id"] == "s2"
        with pytest.raises(errors.NotFound):
            await projector.ask("chat", chat_id="c2", user="bob")
        reply_id = ids.uuid7()
        await projector.told(posted("s1", "d", reply_id=reply_id))
        assert (await projector.ask("reply", reply_id=reply_id, user="bob"))["session_id"] == "s1"
        with pytest.raises(errors.NotFound):
            await projector.ask("reply", reply_id=reply_id, user="eve")


async def test_what_replies_cost_is_summed_by_anything(database_url: str) -> None:
    async with asking(database_url) as projector:
        replies = [ids.uuid7() for _ in range(4)]
        joined = ParticipantJoined(user="bob", invite_id=ids.uuid7())
        failed = ReplyFailed(
            reply_id=replies[2], chat_id="c1", attempt=2, reason="timeout", message="late", model="m2",
            usage=Usage(input_tokens=7),
        )  # fmt: skip
        await projector.told(
            created("s1"), envelope("s1", joined, actor="bob"), posted("s1", "a", reply_id=replies[0]),
            answer("s1", replies[0], "x"), posted("s1", "b", reply_id=replies[1], actor="bob"),
            answer("s1", replies[1], "", finish_reason="cancelled"), posted("s1", "c", reply_id=replies[2]),
            envelope("s1", failed, actor="svc/llm"), posted("s1", "d", reply_id=replies[3]),
        )  # fmt: skip
        usage = await projector.ask("usage", by="user")
        assert [(row["key"], row["replies"], row["input_tokens"], row["cost_usd"]) for row in usage["rows"]] == [
            ("ada", 2, 17, 0.001),
            ("bob", 1, 10, 0.001),
        ]
        assert (usage["total"]["output_tokens"], usage["total"]["cost_usd"]) == (10, 0.002)
        assert [row["key"] for row in (await projector.ask("usage", by="model", user="ada"))["rows"]] == ["m1", "m2"]
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        assert [row["key"] for row in (await projector.ask("usage", by="day", session_id="s1"))["rows"]] == [today]
        for by, key in (("chat", "c1"), ("chat_type", "discussion")):
            assert [row["key"] for row in (await projector.ask("usage", by=by))["rows"]] == [key]
        past = datetime.now(UTC) - timedelta(days=1)
        assert (await projector.ask("usage", by="day", until=past))["total"]["replies"] == 0
        spent = await projector.ask("spent", user="ada", since=past)
        assert (spent["requests"], spent["tokens"]) == (3, 22)
        stats = await projector.ask("stats", session_id="s1")
        assert stats["messages"] == {"total": 5, "by_role": {"user": 4, "assistant": 1, "system": 0, "tool": 0}}
        assert stats["replies"] == {"completed": 1, "failed": 1, "cancelled": 1}
        assert (stats["input_tokens"], stats["cost_usd"], stats["last_message"]["content"]) == (27, 0.002, "d")
        (owed,) = (await projector.ask("open_replies"))["replies"]
        assert (owed["reply_id"], owed["purpose"], owed["cancelled"]) == (replies[3], "answer", False)
