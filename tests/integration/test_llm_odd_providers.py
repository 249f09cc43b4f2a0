"""Providers that speak the protocol in their own way: cut characters, counts, tools without end, nothing to say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.events import ReplyStarted
from tests.support.llm_world import World, world
from tests.support.openai_server import Call, OpenAIServer, openai_server, said
from tests.support.services import running

COUNTED = {"prompt_tokens": 30, "completion_tokens": 10, "total_tokens": 40}


@asynccontextmanager
async def asking(nats_url: str, **settings: str) -> AsyncIterator[tuple[World, OpenAIServer]]:
    async with world(nats_url) as one, openai_server() as provider:
        given = {"OPENAI_BASE_URL": provider.url, "ANTIPHON_RETRY_WAIT_S": "0.01", "ANTIPHON_NATS_URL": nats_url}
        async with running("llm", {**given, **settings}):
            yield one, provider


def counting(*usages: dict[str, Any] | None) -> list[dict[str, Any] | bytes]:
    """An answer in as many pieces, each with what was used."""
    return [*(said("so ", usage=usage) for usage in usages), said(None, "stop")]


async def test_a_character_that_is_cut_in_half_does_not_cost_the_answer(nats_url: str) -> None:
    async with asking(nats_url) as (one, provider):
        split = [said("A \ud83d"), said("\ude00 and "), said("\ude00 half \ud83d"), said(None, "stop")]
        provider.raw = [split]
        reply_id = await one.ask("Smile")
        done = await one.completed(reply_id)
    assert done.content == "A 😀 and \N{REPLACEMENT CHARACTER} half \N{REPLACEMENT CHARACTER}"
    assert (done.attempt, len(provider.requests)) == (1, 1)


async def test_usage_that_grows_with_every_chunk_is_counted_once(nats_url: str) -> None:
    async with asking(nats_url) as (one, provider):
        provider.raw = [counting({**COUNTED, "completion_tokens": 4}, {**COUNTED, "completion_tokens": 7}, COUNTED)]
        done = await one.completed(await one.ask("Count"))
    assert (done.usage.input_tokens, done.usage.output_tokens, done.usage.estimated) == (30, 10, False)
    assert provider.requests[0]["stream_options"] == {"include_usage": True}, "nothing that others do not know"


@pytest.mark.parametrize("count", [10.5, 10**20, -10])
async def test_an_answer_whose_tokens_can_not_be_is_kept_and_they_are_estimated(nats_url: str, count: float) -> None:
    async with asking(nats_url) as (one, provider):
        provider.raw = [counting(None, {**COUNTED, "completion_tokens": count})]
        done = await one.completed(await one.ask("Count"))
    assert done.content == "so so "
    assert (done.usage.output_tokens, done.usage.estimated) == (2, True)


async def test_a_model_that_calls_tools_for_ever_is_not_begun_anew(nats_url: str) -> None:
    async with asking(nats_url) as (one, provider):
        provider.calls = [Call("current_time", {})] * 1000
        failed = await one.failed(await one.ask("Loop"))
    assert failed.reason == "provider_error"
    assert len(provider.requests) <= 55


async def test_an_answer_of_nothing_but_space_is_none(nats_url: str) -> None:
    async with asking(nats_url) as (one, provider):
        provider.raw = [[said("\n"), said("  "), said(None, "stop")]]
        assert (await one.failed(await one.ask("Hello"))).reason == "provider_error"


async def test_a_plan_that_no_event_can_hold_is_asked_for_once(nats_url: str) -> None:
    module = {"description": "d" * 4000, "hours": 1, "topics": ["t" * 150 + str(n) for n in range(100)]}
    plan = {"title": "Long", "modules": [{**module, "title": f"Part {n}"} for n in range(100)]}
    async with asking(nats_url) as (one, provider):
        provider.calls = [Call("final_plan", plan)] * 10
        reply_id = await one.request("finalize")
        assert (await one.failed(reply_id)).reason == "gave_up"
        assert len(await one.of(ReplyStarted, reply_id)) == 1
