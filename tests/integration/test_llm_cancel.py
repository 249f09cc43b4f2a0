"""Replies that are not wanted any more: they end at once, once, with what they have said."""

import asyncio
import time
from contextlib import AsyncExitStack

from services.llm.ledger import Ledger
from services.llm.offline import answer
from services.llm.wanted import LOOK_S, Wanted
from shared import ids
from shared.bus.query import QueryClient
from shared.events import AiContext, ChatConfigured, ReplyCompleted
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, talking
from tests.support.llm_world import World, unanswered_world, world
from tests.support.openai_server import OpenAIServer, openai_server
from tests.support.services import running

AT_ONCE_S = 0.2
NOTICED_S = LOOK_S / 2  # sooner than by looking at the log now and then


def worker(nats_url: str, **settings: str) -> dict[str, str]:
    return {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_OFFLINE_WORD_MS": "60", **settings}


async def begun(one: World, reply_id: str, characters: int = 10) -> None:
    await eventually(lambda: len(one.text(reply_id)) > characters)


async def cut_after(one: World, reply_id: str, since: float) -> ReplyCompleted:
    """The end of the reply, cancelled by notice after `since`."""
    done = await one.completed(reply_id)
    assert time.monotonic() - since < NOTICED_S
    assert done.finish_reason == "cancelled"
    return done


async def test_a_cancelled_reply_ends_at_once_with_what_it_has_said(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        provider.gate = asyncio.Semaphore(3)
        async with running("llm", worker(nats_url, OPENAI_BASE_URL=provider.url, ANTIPHON_MODEL="test-model")):
            reply_id = await one.ask("Go on for ever")
            said = "".join(provider.pieces[:3])
            await eventually(lambda: one.text(reply_id) == said)
            since = time.monotonic()
            await one.cancel(reply_id)
            done = await cut_after(one, reply_id, since)
            assert (done.content, done.attempt, done.model) == (said, 1, "test-model")
            assert done.usage.estimated
            assert done.usage.input_tokens > 0
            assert done.usage.output_tokens > 0
            await eventually(lambda: provider.broken_off == 1)
            await eventually(one.jobs_are_done)


async def test_a_reply_cancelled_while_it_waits_ends_at_once_and_empty(nats_url: str) -> None:
    async with world(nats_url) as one, running("llm", worker(nats_url)):
        first, second = await one.ask("First"), await one.ask("Second")
        await begun(one, first)
        since = time.monotonic()
        await one.cancel(second)
        done = await cut_after(one, second, since)
        assert (done.content, done.attempt, done.usage.output_tokens) == ("", 0, 0)
        assert (await one.completed(first)).content == answer("First")
        assert await one.attempts(second) == []


async def test_a_cancel_whose_live_copy_was_lost_is_found_in_the_log(nats_url: str) -> None:
    async with world(nats_url) as one, running("llm", worker(nats_url, ANTIPHON_OFFLINE_WORD_MS="300")):
        reply_id = await one.ask("Slowly")
        await begun(one, reply_id)
        await one.cancel(reply_id, noticed=False)
        assert (await one.completed(reply_id, LOOK_S + 2)).finish_reason == "cancelled"


async def test_a_cancelled_reply_of_a_dead_worker_is_ended_with_what_was_seen_of_it(nats_url: str) -> None:
    async with world(nats_url) as one:
        async with running("llm", worker(nats_url), "llm-1") as first:
            reply_id = await one.ask("Die")
            await begun(one, reply_id)
            first.kill()
        await one.cancel(reply_id)
        async with running("llm", worker(nats_url), "llm-2"):
            done = await one.completed(reply_id)
        assert (done.finish_reason, done.attempt, await one.attempts(reply_id)) == ("cancelled", 1, [1])
        assert done.content == one.text(reply_id) != ""
        assert done.usage.estimated


async def release_all(provider: OpenAIServer) -> None:
    assert provider.gate is not None
    for _ in provider.pieces:
        provider.gate.release()


async def test_a_cancel_that_races_with_the_end_leaves_one_end(nats_url: str) -> None:
    async with (
        world(nats_url) as one,
        openai_server() as provider,
        running("llm", worker(nats_url, OPENAI_BASE_URL=provider.url)),
    ):
        ends = set()
        for number in range(12):
            provider.gate = asyncio.Semaphore(0)
            reply_id = await one.ask(f"Race {number}", f"chat {number}")
            await eventually(lambda n=number: len(provider.requests) == n + 1)  # type: ignore[misc]
            first, second = release_all(provider), one.cancel(reply_id, f"chat {number}")
            await asyncio.gather(*((first, second) if number % 2 else (second, first)))
            ends.add((await one.completed(reply_id)).finish_reason)
        await eventually(one.jobs_are_done)
        assert ends <= {"stop", "cancelled"}
        replies = [event.reply_id for event in await one.events(ReplyCompleted)]
        assert len(replies) == len(set(replies)) == 12


async def test_who_ceases_to_watch_a_reply_leaves_those_alone_who_still_do(nats_url: str) -> None:
    """As where a lease was lost, and this process has taken it again."""
    async with world(nats_url) as one:
        reply_id = await one.ask("Twice")
        wanted = Wanted(one.bus, Ledger(one.bus, one.reader, QueryClient(one.bus)))
        first = AsyncExitStack()
        await first.enter_async_context(wanted.watched(one.session_id, reply_id, 1))
        async with wanted.watched(one.session_id, reply_id, 2) as over:
            await first.aclose()
            await one.cancel(reply_id)
            await eventually(over.is_set, LOOK_S)


async def test_where_a_second_prompt_interrupts_the_first_answer_ends_and_the_second_begins(nats_url: str) -> None:
    async with world(nats_url) as one, running("llm", worker(nats_url, ANTIPHON_OFFLINE_WORD_MS="25")):
        interrupt = ChatConfigured(chat_id=one.chat_id, ai_context=AiContext(on_second_prompt="interrupt"))
        await one.record(interrupt, ids.uuid7())
        first = await one.ask("First")
        await begun(one, first)
        since = time.monotonic()
        second, third = await one.ask("Second"), await one.ask("Third")
        done = await cut_after(one, first, since)
        assert answer("First").startswith(done.content)
        assert done.content
        passed_over = await one.completed(second)
        assert passed_over.finish_reason == "cancelled"
        last = await one.completed(third)
        assert (last.finish_reason, last.content) == ("stop", answer("Third"))


async def test_a_cancel_on_one_gateway_ends_the_reply_on_another_in_a_fifth_of_a_second(nats_url: str) -> None:
    async with (
        gateways(nats_url, 2) as at,
        unanswered_world(nats_url, makes_log=False) as one,
        one.projector(),
        running("llm", worker(nats_url)),
        talking(at, "ann", "bob") as (ann, bob),
    ):
        session_id = await new_session(ann, bob)
        await bob.call("subscribe", channel=f"session:{session_id}")
        took = []
        for number in range(3):
            asked = await ann.send_message(session_id, f"Question {number}", reply=True)
            while (await bob.publication())["data"]["type"] != "reply.delta":
                pass
            since = time.monotonic()
            await ann.rpc("reply.cancel", id=ids.uuid7(), session_id=session_id, reply_id=asked["reply_id"])
            while (seen := await bob.publication())["data"]["type"] != "reply.completed.v1":
                pass
            took.append(time.monotonic() - since)
            assert seen["data"]["data"]["finish_reason"] == "cancelled"
            assert seen["data"]["data"]["content"]
        print("cancel on gateway 1 to the end on gateway 2:", [f"{1000 * one:.0f} ms" for one in took])
        assert sorted(took)[1] < AT_ONCE_S
