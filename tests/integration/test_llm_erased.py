"""What was erased from the log is not written again, and holds up nothing that is asked later."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

from services.history.erasing import statements
from services.history.erasing.ordering import Orders
from services.history.erasing.selecting import EraseOrder
from shared import errors, ids
from shared.bus import streams
from shared.bus.query import QueryClient
from shared.events import MessagePosted, ReplyCompleted, ReplyFailed
from tests.support.eventually import eventually
from tests.support.llm_world import ALICE, World, unanswered_world
from tests.support.logs import environment, surroundings
from tests.support.servers import NatsServer
from tests.support.services import running


def worker(nats_url: str, word_ms: int = 5) -> dict[str, str]:
    return {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_OFFLINE_WORD_MS": str(word_ms)}


@asynccontextmanager
async def logged_world(nats_url: str, database_url: str) -> AsyncIterator[World]:
    """A world whose log is kept, and can be erased from."""
    async with (
        running("history", environment(nats_url, database_url)),
        surroundings(nats_url, database_url) as (bus, _engine),
    ):
        await streams.wait_for_events(bus.js)
        async with unanswered_world(nats_url, makes_log=False) as one, one.projector():
            yield one


async def erase(one: World, **what: Any) -> None:
    order = {"reason": "asked for", "by": "dpo", "session_id": one.session_id, **what}
    assert (await QueryClient(one.bus).ask("history", "erase", order, 25))["done"]


async def answered_and_erased(one: World) -> str:
    """The id of a reply whose answer is erased, and nothing else."""
    async with running("llm", worker(one.nats_url), "llm-1"):
        reply_id = await one.ask("First")
        await one.completed(reply_id)
        await eventually(one.jobs_are_done)
    await erase(one, message_ids=[reply_id])
    return reply_id


async def is_not_written_again(one: World, reply_id: str) -> None:
    """Afterwards a worker that knew nothing has answered the next prompt, and only that."""
    async with running("llm", worker(one.nats_url), "llm-2"):
        await one.completed(await one.ask("Second"))
    assert await one.attempts(reply_id) == []
    assert await one.of(ReplyCompleted, reply_id) == await one.of(ReplyFailed, reply_id) == []


async def test_an_erased_answer_is_not_written_again(nats_url: str, database_url: str) -> None:
    async with logged_world(nats_url, database_url) as one:
        await is_not_written_again(one, await answered_and_erased(one))


async def test_an_erased_answer_is_not_written_again_by_a_bus_that_has_forgotten_its_end(
    nats_server: NatsServer, database_url: str
) -> None:
    async with logged_world(nats_server.url, database_url) as one:
        reply_id = await answered_and_erased(one)
        nats_server.kill()
        await nats_server.restart()
        await eventually(lambda: one.bus.is_connected)
        await is_not_written_again(one, reply_id)


async def test_a_cancel_is_heard_where_all_that_the_owner_had_said_was_erased(nats_url: str, database_url: str) -> None:
    async with logged_world(nats_url, database_url) as one:
        await one.record(MessagePosted(chat_id=one.chat_id, content="old"), ids.uuid7())
        await erase(one, user=ALICE)
        async with running("llm", worker(nats_url, word_ms=300)):
            reply_id = await one.ask("Go on for a while please")
            await eventually(lambda: len(one.text(reply_id)) > 10)
            await one.cancel(reply_id)
            assert (await one.completed(reply_id)).finish_reason == "cancelled"


async def test_a_reply_whose_prompt_was_erased_ends_without_a_word_and_the_chat_goes_on(
    nats_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = text(str(statements.OPEN_REPLIES).replace("3600", "0"))  # erasing waits an hour for an answer
    monkeypatch.setattr(statements, "OPEN_REPLIES", soon)
    async with logged_world(nats_url, database_url) as one, surroundings(nats_url, database_url) as (bus, engine):
        first = await one.ask("First")
        prompt = next(it.envelope.id for it in await one.log() if isinstance(it.event, MessagePosted))
        orders = Orders(bus, engine, "test")
        order = EraseOrder(session_id=one.session_id, message_ids=[prompt], reason="asked for")
        assert (await eventually(lambda: erased(orders, order)))["done"]
        async with running("llm", worker(nats_url)):
            second = await one.ask("Second")
            ended = await one.completed(first)
            assert (ended.content, ended.finish_reason, await one.attempts(first)) == ("", "cancelled", [])
            assert (await one.completed(second)).finish_reason == "stop"


async def erased(orders: Orders, order: EraseOrder) -> dict[str, Any] | None:
    try:
        return await orders.erase(order)
    except errors.Conflict:  # the answer is not late enough
        return None
