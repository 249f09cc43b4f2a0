"""Workers in a session whose beginning has left the stream: they know it from history."""

import pytest

from services.llm.ledger import Ledger
from shared import ids, subjects
from shared.bus.query import QueryClient
from shared.events import AgentSwitched, AiContext, ChatConfigured, MessagePosted
from tests.support.eventually import eventually
from tests.support.llm_world import World, world
from tests.support.services import running
from tests.support.trimmed import trimmed


def worker(nats_url: str, word_ms: int = 5) -> dict[str, str]:
    return {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_OFFLINE_WORD_MS": str(word_ms), "ANTIPHON_SWEEP_S": "1"}


async def last_seq(one: World) -> int:
    return (await one.bus.js.stream_info(subjects.EVENTS)).state.last_seq


async def test_a_cancel_is_heard(nats_url: str) -> None:
    async with world(nats_url) as one:
        await one.record(MessagePosted(chat_id=one.chat_id, content="old"), ids.uuid7())
        async with trimmed(one, 2), running("llm", worker(nats_url, word_ms=300)):
            reply_id = await one.ask("Go on for a while please")
            await eventually(lambda: len(one.text(reply_id)) > 10)
            await one.cancel(reply_id)
            assert (await one.completed(reply_id)).finish_reason == "cancelled"


async def test_a_second_prompt_interrupts_if_the_chat_once_said_so(nats_url: str) -> None:
    async with world(nats_url) as one:
        interrupt = ChatConfigured(chat_id=one.chat_id, ai_context=AiContext(on_second_prompt="interrupt"))
        await one.record(interrupt, ids.uuid7())
        async with trimmed(one, await last_seq(one) + 1), running("llm", worker(nats_url, word_ms=100)):
            first = await one.ask("Go on for a while please")
            await eventually(lambda: len(one.text(first)) > 10)
            await one.completed(await one.ask("Second"))
            assert (await one.completed(first)).finish_reason == "cancelled"


async def test_the_agent_that_the_chat_was_given_to_answers(nats_url: str) -> None:
    async with world(nats_url) as one:
        await one.record(AgentSwitched(chat_id=one.chat_id, agent="planner"), ids.uuid7())
        async with running("llm", worker(nats_url), "llm-1"):
            assert (await one.completed(await one.ask("Before"))).agent == "planner"
        async with trimmed(one, await last_seq(one)), running("llm", worker(nats_url), "llm-2"):
            assert (await one.completed(await one.ask("After"))).agent == "planner"


@pytest.mark.parametrize("leaves", [0, 1])
async def test_a_reply_whose_prompt_is_no_longer_in_the_stream_is_written(nats_url: str, leaves: int) -> None:
    """`leaves`: how many events of the session the stream still has."""
    async with world(nats_url) as one:
        owed = await one.ask("First")
        await one.record(MessagePosted(chat_id=one.chat_id, content="later"), ids.uuid7())
        async with trimmed(one, await last_seq(one) + 1 - leaves), running("llm", worker(nats_url)):
            assert (await one.completed(owed)).finish_reason == "stop"
            assert await one.attempts(owed) == [1]
            await one.completed(await one.ask("Second"))


async def test_a_worker_that_has_read_a_session_goes_on_in_it_after_all_of_it_was_trimmed(nats_url: str) -> None:
    async with world(nats_url) as one:
        ledger = Ledger(one.bus, one.reader, QueryClient(one.bus))
        owed = await one.ask("First")
        before = await ledger.state(one.session_id)
        async with trimmed(one, await last_seq(one) + 1):
            assert await ledger.state(one.session_id) == before
            assert (await ledger.event(one.session_id, before.seq)).seq == before.seq
            seq = await one.record(MessagePosted(chat_id=one.chat_id, content="later"), ids.uuid7())
            after = await ledger.state(one.session_id)
            assert (after.seq, after.exists, list(after.open_replies)) == (seq, True, [owed])
