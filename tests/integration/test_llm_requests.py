"""What a model is shown for each kind of request, with the real history, projector and gateway around the worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from shared import ids
from tests.support.client import Client
from tests.support.gateways import new_session, read_models, talking
from tests.support.openai_server import OpenAIServer, openai_server
from tests.support.services import running

TRACK = {"title": "Rowing for beginners", "description": "From the dock to the first regatta"}


@asynccontextmanager
async def everything(nats_url: str, database_url: str) -> AsyncIterator[tuple[Client, OpenAIServer]]:
    """A client of the whole system, but for the provider."""
    async with (
        read_models(nats_url, database_url, 1) as at,
        openai_server() as provider,
        running("llm", {"ANTIPHON_NATS_URL": nats_url, "OPENAI_BASE_URL": provider.url}),
        talking(at, "ann") as (ann,),
    ):
        provider.answers = ["One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight"]
        yield ann, provider


async def ended(client: Client, reply_id: str) -> dict[str, Any]:
    """The end of the reply, as the client sees it."""
    while True:
        data = (await client.event())["data"]
        if data["type"] in {"reply.completed.v1", "reply.failed.v1"} and data["data"]["reply_id"] == reply_id:
            assert data["type"] == "reply.completed.v1", data["data"]
            found: dict[str, Any] = data["data"]
            return found


def shown(provider: OpenAIServer) -> list[str]:
    """What the provider was shown last, but for the system's part."""
    return [message["content"] for message in provider.requests[-1]["messages"] if message["role"] != "system"]


async def test_a_branch_is_what_leads_to_the_prompt_and_siblings_stand_beside_it(
    nats_url: str, database_url: str
) -> None:
    async with everything(nats_url, database_url) as (ann, provider):
        session_id = await new_session(ann)
        place = {"session_id": session_id}
        chat_id = (await ann.call("subscribe", channel=f"session:{session_id}"))["data"]["active_chat"]

        async def say(words: str, **facts: Any) -> tuple[str, dict[str, Any]]:
            """The message's id, and the answer's end."""
            message_id = ids.uuid7()
            sent = await ann.rpc("message.send", id=message_id, **place, content=words, reply=True, **facts)
            return message_id, await ended(ann, sent["reply_id"])

        async def again(message_id: str) -> dict[str, Any]:
            facts = {**place, "chat_id": chat_id, "message_id": message_id}
            return await ended(ann, (await ann.rpc("reply.request", id=ids.uuid7(), **facts))["reply_id"])

        first, one = await say("First")
        _, two = await say("Second")
        assert shown(provider) == ["First", "One", "Second"]

        three = await again(one["reply_id"])
        assert shown(provider) == ["First"], "the branch up to the parent of what it stands beside"
        assert (three["content"], three["parent"], one["parent"]) == ("Three", first, first)

        four = await again(first)
        assert shown(provider) == ["First"], "an old message is answered from where it stood"
        assert four["parent"] == first

        edited, five = await say("First, in other words", parent="root")
        assert shown(provider) == ["First, in other words"]
        assert five["parent"] == edited
        await say("And then?")
        assert shown(provider) == ["First, in other words", "Five", "And then?"], "the newest branch goes on"
        await say("Second, in other words", parent=one["reply_id"])
        assert shown(provider) == ["First", "One", "Second, in other words"], "the edited prompt beside the old one"
        assert two["content"] == "Two"


async def test_a_track_is_greeted_at_once_by_its_planner_who_knows_it(nats_url: str, database_url: str) -> None:
    async with everything(nats_url, database_url) as (ann, provider):
        provider.gate = asyncio.Semaphore(0)
        made = await ann.rpc("session.create", id=ids.uuid7(), kind="track", track=TRACK)
        place = {"session_id": made["session_id"], "chat_id": made["chat_id"]}
        await ann.call("subscribe", channel=f"session:{made['session_id']}")
        for _ in range(10):
            provider.gate.release()
        one = await ended(ann, made["reply_id"])
        assert (one["content"], one["agent"], one.get("parent")) == ("One", "planner", None)
        assert TRACK["title"] in provider.requests[-1]["messages"][0]["content"]
        (task,) = shown(provider)
        assert "plan" in task

        facts = {**place, "message_id": one["reply_id"]}
        two = await ended(ann, (await ann.rpc("reply.request", id=ids.uuid7(), **facts))["reply_id"])
        assert (two["content"], shown(provider)) == ("Two", [task]), "another greeting, without a look at the first"

        sent = await ann.send_message(made["session_id"], "Shorter, please", reply=True)
        three = await ended(ann, sent["reply_id"])
        assert (three["agent"], shown(provider)) == ("planner", ["Two", "Shorter, please"])
        assert TRACK["description"] in provider.requests[-1]["messages"][0]["content"]


async def test_the_settings_of_a_chat_reach_its_model_and_stand_in_the_manifest(
    nats_url: str, database_url: str
) -> None:
    async with everything(nats_url, database_url) as (ann, provider):
        session_id = await new_session(ann)
        wishes = {"model": "another-model", "temperature": 0.3, "system_prompt": "Be brief."}
        chat_id = (await ann.call("subscribe", channel=f"session:{session_id}"))["data"]["active_chat"]
        configured = {"session_id": session_id, "chat_id": chat_id, "ai_context": wishes}
        await ann.rpc("chat.configure", id=ids.uuid7(), **configured)
        sent = await ann.send_message(session_id, "Hello", reply=True)
        started: dict[str, Any] = {}
        while started.get("type") != "reply.started.v1":
            started = (await ann.event())["data"]
        manifest = started["data"]["manifest"]
        assert (started["data"]["model"], manifest["temperature"], manifest["agent"]) == (
            "another-model",
            0.3,
            started["data"]["agent"],
        )
        assert manifest["seqs"] == [sent["seq"]]
        await ended(ann, sent["reply_id"])
        asked = provider.requests[-1]
        assert (asked["model"], asked["temperature"]) == ("another-model", 0.3)
        assert asked["messages"][0]["content"].startswith("Be brief.")
