"""Agents at work, with a provider that calls tools: hand-over, tracks and plans."""

import asyncio
import json
from pathlib import Path

import services.llm
from shared.events import AgentSwitched, PlanFinalized, ReplyCompleted, ReplyStarted
from tests.support.eventually import eventually
from tests.support.llm_world import World, world
from tests.support.openai_server import ANSWER, Call, OpenAIServer, openai_server
from tests.support.services import running

TRACK = {"title": "Sailing", "description": "Knots, wind and tides", "estimated_duration_hours": 12}
MODULE = {"title": "Knots", "description": "Ten of them", "hours": 4, "topics": ["bowline", "cleat hitch"]}
PLAN = {"title": "Sailing", "summary": "From knots to tides.", "modules": [MODULE, {**MODULE, "title": "Tides"}]}
HANDED = Call("hand_over", {"to": "planner", "reason": "It is about a course."}, "One moment.")


def worker(one: World, provider: OpenAIServer, **settings: str) -> dict[str, str]:
    given = {"OPENAI_BASE_URL": provider.url, "OPENAI_API_KEY": "sk-secret", "ANTIPHON_RETRY_WAIT_S": "0.05"}
    return {"ANTIPHON_NATS_URL": one.nats_url, **given, **settings}


async def test_an_agent_hands_a_reply_over_and_the_next_one_goes_on_with_it(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        provider.calls = [HANDED]
        async with running("llm", worker(one, provider)):
            reply_id = await one.ask("I want a course in sailing")
            done = await one.completed(reply_id)
            await eventually(lambda: one.text(reply_id) == done.content)

            assert done.content == "One moment.\n\n" + "".join(ANSWER)
            assert (done.agent, done.finish_reason) == ("planner", "stop")
            assert (done.usage.input_tokens, done.usage.output_tokens) == (62, 22), "both parts are counted"
            (switched,) = await one.events(AgentSwitched)
            assert (switched.previous, switched.agent, switched.reply_id) == ("coordinator", "planner", reply_id)
            assert switched.reason == "It is about a course."
            (started,) = await one.of(ReplyStarted, reply_id)
            assert started.agent == started.manifest.agent == "coordinator"
            recorded = next(r for r in await one.log() if isinstance(r.event, AgentSwitched))
            assert recorded.envelope.actor == "svc/llm"

            first, second = provider.requests
            assert [tool["function"]["name"] for tool in first["tools"]] == ["current_time", "hand_over"]
            told = [message["content"] for message in second["messages"]]
            assert "You plan courses" in told[0]
            assert "handed this conversation over to you, because: It is about a course." in told[0]
            assert told[-2] == "One moment."

            await one.completed(await one.ask("And rowing?"))
            assert "You plan courses" in provider.requests[-1]["messages"][0]["content"], "the planner stays"


async def test_a_hand_over_is_recorded_once_whoever_dies_after_it(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        provider.calls, provider.gate = [HANDED], asyncio.Semaphore(1)
        async with running("llm", worker(one, provider)) as llm:
            reply_id = await one.request("greet", agent="coordinator")  # by name, so that it is asked again
            await eventually(lambda: len(provider.requests) == 2)
            assert len(await one.events(AgentSwitched)) == 1
            llm.kill()
        provider.calls, provider.gate = [HANDED], None
        async with running("llm", worker(one, provider), "llm-2"):
            done = await one.completed(reply_id)
            await eventually(lambda: one.text(reply_id) == done.content)
        assert (done.attempt, done.agent) == (2, "planner")
        assert done.content == "One moment.\n\n" + "".join(ANSWER)
        assert len(await one.events(AgentSwitched)) == 1


async def test_a_later_attempt_that_hands_over_to_somebody_else_is_on_record_too(nats_url: str, tmp_path: Path) -> None:
    agents = (Path(services.llm.__file__).parent / "agents.toml").read_text()
    file = tmp_path / "agents.toml"
    hands = agents.replace('hands_over_to = ["planner"]', 'hands_over_to = ["planner", "critic"]')
    file.write_text(hands + '\n[agents.critic]\ndescription = "Finds what is wrong."\ninstructions = "Find it."\n')
    async with world(nats_url) as one, openai_server() as provider:
        settings = worker(one, provider, ANTIPHON_AGENTS_FILE=str(file))
        provider.calls, provider.gate = [HANDED], asyncio.Semaphore(1)
        async with running("llm", settings) as llm:
            reply_id = await one.request("greet", agent="coordinator")  # by name, so that it is asked again
            await eventually(lambda: len(provider.requests) == 2)
            llm.kill()
        provider.calls, provider.gate = [Call("hand_over", {"to": "critic", "reason": "It is wrong."})], None
        async with running("llm", settings, "llm-2"):
            done = await one.completed(reply_id)
        assert (done.attempt, done.agent) == (2, "critic")
        assert [switched.agent for switched in await one.events(AgentSwitched)] == ["planner", "critic"]


async def test_agents_that_hand_over_to_each_other_for_ever_are_stopped(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        back = Call("hand_over", {"to": "coordinator", "reason": "No."})
        provider.calls = [HANDED, back, HANDED, None]
        async with running("llm", worker(one, provider, ANTIPHON_MAX_HAND_OVERS="3")):
            done = await one.completed(await one.ask("Who is it?"))
        assert [switched.agent for switched in await one.events(AgentSwitched)] == ["planner", "coordinator", "planner"]
        assert done.agent == "planner"
        offered = [[tool["function"]["name"] for tool in asked.get("tools", [])] for asked in provider.requests]
        assert offered == [["current_time", "hand_over"], ["hand_over"], ["current_time", "hand_over"], []]


async def test_a_track_opens_with_a_plan_and_ends_in_a_structured_one_that_is_mended_if_need_be(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        one.track = TRACK
        spoilt = {**PLAN, "modules": [{**MODULE, "hours": -1}]}
        provider.calls = [None, Call("final_plan", spoilt), Call("final_plan", PLAN)]
        async with running("llm", worker(one, provider)):
            await one.completed(await one.request("greet", agent="planner"))
            greeted = provider.requests[0]["messages"]
            assert "Title: Sailing\nDescription: Knots, wind and tides\nHours: 12.0" in greeted[0]["content"]
            assert "first plan" in greeted[-1]["content"]

            reply_id = await one.request("finalize", agent="planner")
            (plan,) = await eventually(lambda: one.of(PlanFinalized, reply_id), 20.0)
            assert [module.title for module in plan.modules] == ["Knots", "Tides"]
            assert (plan.title, plan.summary, plan.agent) == ("Sailing", "From knots to tides.", "planner")
            assert plan.usage.input_tokens == 62, "the spoilt one was paid for"
            assert await one.of(ReplyCompleted, reply_id) == []
            mending = provider.requests[-1]["messages"][-1]["content"]
            assert "greater than 0" in mending, "the model was told what is wrong"


async def test_a_plan_that_stays_invalid_is_a_failure_with_a_name_and_a_cost(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        provider.calls = [Call("final_plan", "{}")] * 3
        async with running("llm", worker(one, provider, ANTIPHON_PLAN_RETRIES="2")):
            failed = await one.failed(await one.request("finalize", agent="planner"))
    assert failed.reason == "invalid_plan"
    assert "can't be used" in failed.message
    assert len(provider.requests) == 3
    assert failed.usage.input_tokens == 3 * 31


async def test_a_model_without_tools_is_asked_without_them_and_its_plan_by_a_prompt(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        provider.refuses_tools = True
        async with running("llm", worker(one, provider)):
            done = await one.completed(await one.ask("Hello"))
            assert done.content == "".join(ANSWER)
            assert len(provider.requests) == 2
            await one.completed(await one.ask("Hello again"))
            assert len(provider.requests) == 3, "it is remembered"

            provider.answers = [f"Here it is:\n```json\n{json.dumps(PLAN)}\n```"]
            reply_id = await one.request("finalize", agent="planner")
            (plan,) = await eventually(lambda: one.of(PlanFinalized, reply_id), 20.0)
            assert len(plan.modules) == 2
