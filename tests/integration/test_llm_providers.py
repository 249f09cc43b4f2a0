"""What a worker owes to users and operators: the next model, prices, limits, secrets kept, a word on its state."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from shared.bus.query import QueryClient
from tests.support.eventually import eventually
from tests.support.llm_world import ALICE, World, world
from tests.support.openai_server import OpenAIServer, openai_server
from tests.support.services import RealService, running

KEY = "sk-secret"


def worker(one: World, provider: OpenAIServer, **settings: str) -> dict[str, str]:
    given = {"OPENAI_BASE_URL": provider.url, "OPENAI_API_KEY": KEY, "ANTIPHON_RETRY_WAIT_S": "0.05"}
    return {"ANTIPHON_NATS_URL": one.nats_url, **given, **settings}


@asynccontextmanager
async def working(nats_url: str, **settings: str) -> AsyncIterator[tuple[World, OpenAIServer]]:
    """A world with a provider and a worker in it."""
    async with world(nats_url) as one, openai_server() as provider, running("llm", worker(one, provider, **settings)):
        yield one, provider


async def test_the_next_model_answers_where_one_fails_and_the_record_says_which(nats_url: str) -> None:
    settings = {"ANTIPHON_MODEL": "gpt-5-mini", "ANTIPHON_FALLBACK_MODELS": "gpt-5-nano", "ANTIPHON_RETRIES": "1"}
    async with world(nats_url) as one, openai_server() as provider:
        provider.faults = [500, 500]
        async with running("llm", worker(one, provider, ANTIPHON_PRICE_PROVIDER="openai", **settings)):
            done = await one.completed(await one.ask("Hello"))
    assert [asked["model"] for asked in provider.requests] == ["gpt-5-mini", "gpt-5-mini", "gpt-5-nano"]
    assert done.model == "gpt-5-nano"
    assert done.usage.cost_usd is not None
    assert 0 < done.usage.cost_usd < 0.001
    assert not done.usage.estimated


async def test_a_provider_that_is_down_is_left_alone_until_one_reply_finds_it_back(nats_url: str) -> None:
    settings = {"ANTIPHON_RETRIES": "0", "ANTIPHON_BREAKER_FAILURES": "2", "ANTIPHON_BREAKER_OPEN_S": "1"}
    async with world(nats_url) as one, openai_server() as provider:
        provider.faults = [500, 500]
        async with running("llm", worker(one, provider, **settings)) as llm:
            for _ in range(2):
                assert (await one.failed(await one.ask("Hello"))).reason == "provider_error"
            assert (await one.failed(await one.ask("Hello"))).reason == "unreachable"
            assert len(provider.requests) == 2, "the third reply did not ask"
            assert await breaker(llm) == 2.0

            async def answered() -> bool:
                reply_id = await one.ask("Are you back?")
                return await eventually(lambda: ended(one, reply_id)) == "completed"

            assert await eventually(answered)
            assert await breaker(llm) == 0.0


async def text(address: str) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(address)).text


async def ended(one: World, reply_id: str) -> str:
    ends = ("reply.completed.v1", "reply.failed.v1")
    found = [r for r in await one.log() if r.envelope.type in ends and r.envelope.data["reply_id"] == reply_id]
    return found[0].envelope.type.split(".")[1] if found else ""


async def breaker(llm: RealService) -> float:
    metrics = await text(f"{llm.address}/metrics")
    (line,) = [line for line in metrics.splitlines() if line.startswith("antiphon_llm_breaker{")]
    return float(line.split()[-1])


async def test_a_chat_has_its_own_model_temperature_and_words_if_the_operator_allows_the_model(nats_url: str) -> None:
    async with working(nats_url, ANTIPHON_MODELS="small, large") as (one, provider):
        one.ai_context = {"model": "large", "temperature": 0.25, "system_prompt": "Speak like a pirate."}
        assert (await one.completed(await one.ask("Hello"))).model == "large"
        asked = provider.requests[0]
        assert (asked["model"], asked["temperature"]) == ("large", 0.25)
        assert asked["messages"][0]["content"].startswith("Speak like a pirate.\n\nYou are the coordinator")

        one.ai_context = {"model": "huge"}
        failed = await one.failed(await one.ask("Hello"))
        assert (failed.reason, failed.message) == (
            "bad_configuration",
            "The model “huge” may not be used here.",
        )
        one.ai_context = {"agent": "pirate"}
        failed = await one.failed(await one.ask("Hello"))
        assert failed.reason == "bad_configuration"
        assert "“pirate”" in failed.message


async def test_whoever_has_used_up_a_day_is_told_when_it_goes_on(nats_url: str) -> None:
    limits = {"ANTIPHON_REPLIES_PER_DAY": "2", "ANTIPHON_TOKENS_PER_DAY": "1000"}
    async with world(nats_url) as one, openai_server() as provider, running("llm", worker(one, provider, **limits)):
        one.spent = {"requests": 2, "tokens": 999}
        await one.completed(await one.ask("The second of two"))
        for spent, limit in (
            ({"requests": 3, "tokens": 0}, "2 replies"),
            ({"requests": 1, "tokens": 1000}, "1000"),
        ):
            one.spent = spent
            reply_id = await one.ask("One more")
            failed = await one.failed(reply_id)
            assert failed.reason == "quota_exceeded"
            assert limit in failed.message
            assert "00:00 UTC, in " in failed.message
            assert await one.attempts(reply_id) == [], "nothing was begun"
    assert len(provider.requests) == 1
    assert {question["user"] for question in one.questions} == {ALICE}
    today = datetime.now(UTC).date().isoformat()
    assert all(question["since"].endswith("T00:00:00+00:00") for question in one.questions)
    assert one.questions[-1]["since"] >= f"{today}T00:00:00+00:00"


async def test_a_worker_says_which_agents_there_are_and_whether_the_model_answers(nats_url: str) -> None:
    async with working(nats_url, ANTIPHON_MODEL="tiny") as (one, provider):
        queries = QueryClient(one.bus)
        listed = await queries.ask("llm", "agents", {})
        assert [agent["name"] for agent in listed["agents"]] == ["coordinator", "planner"]
        assert listed["agents"][0]["hands_over_to"] == ["planner"]
        assert listed["agents"][0]["model"] == "tiny"
        assert (listed["default"], listed["defaults"]) == ("coordinator", {"planning": "planner"})
        assert provider.requests == [], "readiness has asked nobody"

        answers = await asyncio.gather(*(queries.ask("llm", "test", {}) for _ in range(5)))
        assert all(answer["ok"] and answer["model"] == "tiny" for answer in answers)
        assert len(provider.requests) == 1, "asked once for all who wanted to know"


async def test_a_model_that_does_not_answer_is_named_with_the_reason(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        provider.faults = [401]
        async with running("llm", worker(one, provider)):
            answer = await QueryClient(one.bus).ask("llm", "test", {})
    assert (answer["ok"], answer["reason"]) == (False, "bad_configuration")
    assert KEY not in str(answer)


async def test_a_key_that_a_provider_repeats_is_neither_stored_nor_logged_nor_told(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        async with running("llm", worker(one, provider, ANTIPHON_RETRIES="0", ANTIPHON_LOG_LEVEL="debug")) as llm:
            for fault in (400, 401, 403, 404, 429, 500):
                provider.faults = [fault]
                await one.failed(await one.ask("Hello"))
            answer = await QueryClient(one.bus).ask("llm", "test", {})
            metrics = await text(f"{llm.address}/metrics")
            ready = await text(f"{llm.address}/health/ready")
            stored = [recorded.envelope.model_dump_json() for recorded in await one.log()]
            for told in (*stored, str(answer), metrics, ready, llm.log):
                assert KEY not in told
        assert provider.keys == [f"Bearer {KEY}"] * 7


async def test_a_worker_with_a_mistake_in_its_agents_file_says_so_and_does_not_start(
    nats_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "agents.toml"
    file.write_text('default = "a"\n[agents.a]\ndescription = "A"\nhands_over_to = ["b"]\n')
    settings = {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_AGENTS_FILE": str(file)}
    async with running("llm", settings, wait_ready=False) as llm:
        assert await asyncio.to_thread(llm.popen.wait, 20) == 1
        assert "agents.a.hands_over_to: there is no other agent 'b'" in llm.log
