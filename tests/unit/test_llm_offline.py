"""The offline model as an agent: plans from a track and from what was said, and hand-overs on request."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from services.llm import offline_plan, prompts
from services.llm.agents import Agents
from services.llm.context import Said, build
from services.llm.planning import HAND_OVER_TOOL, Draft, HandOver
from services.llm.settings import LlmSettings
from services.llm.turn import Planned, Turn
from shared import ids
from shared.events import AgentSwitched, AiContext, Event, Track
from tests.support.agents import generator, turn

SETTINGS = LlmSettings(OPENAI_API_KEY="", OPENAI_BASE_URL="", model="", offline_word_ms=0)
TRACK = Track(title="Rust in a month", description="Ownership, traits and async", estimated_duration_hours=40)
LINE = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), max_size=60)
TRACKS = st.builds(
    Track,
    title=LINE.filter(str.strip),
    description=LINE,
    difficulty_level=LINE,
    estimated_duration_hours=st.none() | st.floats(0.1, 10_000),
    user_expectations=LINE,
)


def spec(**facts: Any) -> Any:
    agents = Agents(SETTINGS)
    found = agents.resolve(facts.pop("asked", ""), "", facts.pop("chat_type", "discussion"), AiContext(), **facts)
    return replace(found, model="offline")


@given(TRACKS)
def test_a_track_that_was_written_for_a_model_can_be_read_again(track: Track) -> None:
    found = prompts.find_track(prompts.system("Be kind.", prompts.of_track(track), "You plan."))
    assert found is not None
    for name, said in track:
        read = getattr(found, name)
        assert read == said if isinstance(said, float) else read == (" ".join(str(said or "").split()) or type(read)())


@given(TRACKS, st.lists(st.text(max_size=200), max_size=5))
def test_every_plan_is_valid_and_takes_the_hours_that_there_are(track: Track, said: list[str]) -> None:
    plan = offline_plan.draft(track, said)
    Draft.model_validate(plan.model_dump())
    hours, total = sum(module.hours for module in plan.modules), track.estimated_duration_hours or 10.0
    assert hours == pytest.approx(max(total, 0.5 * len(plan.modules)), abs=0.5 * len(plan.modules))
    assert plan == offline_plan.draft(track, said), "the same words, the same plan"


def test_what_people_ask_for_is_in_the_plan_once() -> None:
    said = ["Please add a module on macros.", "And include macros, too. Cover unsafe code!", "Thanks."]
    titles = [module.title for module in offline_plan.draft(TRACK, said).modules]
    assert titles[:4] == [name for name, _ in offline_plan.SHARES]
    assert titles[4:] == ["Macros", "Macros, too", "Unsafe code"]


async def test_the_greeting_of_a_track_is_its_plan() -> None:
    opening = turn("", spec=spec(chat_type="planning", track=TRACK, purpose="greet"), purpose="greet")
    await generator(SETTINGS).generate(opening)
    assert opening.agent == "planner"
    assert "**Rust in a month** (4 modules, 40 hours.)" in opening.text
    assert "Ownership" in opening.text


async def test_the_plan_is_written_down_as_one() -> None:
    final = turn("Add a module on macros", spec=spec(chat_type="planning", track=TRACK, purpose="finalize"))
    final.purpose = "finalize"
    done = await generator(SETTINGS).generate(final)
    assert isinstance(done, Planned)
    assert (done.title, done.modules[-1].title) == ("Rust in a month", "Macros")
    assert final.text == ""


@pytest.mark.parametrize(
    ("words", "to"),
    [
        ("Please hand me over to the planner", "planner"),
        ("switch to Planner now", "planner"),
        ("hand this to the coordinator", ""),
        ("What does a planner do?", ""),
    ],
)
async def test_it_hands_over_when_asked_to_somebody_who_may_be_asked(words: str, to: str) -> None:
    recorded: list[Event] = []

    async def record(event: Event, _what: str) -> bool:
        recorded.append(event)
        return True

    asked: Turn = turn(words, spec=spec(), record=record, chat_id="c1", reply_id=ids.uuid7())
    await generator(SETTINGS).generate(asked)
    assert [event.agent for event in recorded if isinstance(event, AgentSwitched)] == ([to] if to else [])
    assert asked.agent == (to or "coordinator")
    assert asked.text.count(f"You wrote: “{words}”") == 1


def test_a_hand_over_says_why_in_a_thousand_characters_at_most() -> None:
    assert HandOver(to="planner").reason == ""
    with pytest.raises(ValueError, match="at most 1000"):
        HandOver(to="planner", reason="x" * 1001)


async def test_the_next_agent_has_its_own_instructions_and_the_words_of_the_chat_all_of_them() -> None:
    seen: list[list[ModelMessage]] = []

    async def stream(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
        seen.append(messages)
        if any(tool.name == HAND_OVER_TOOL for tool in info.output_tools) and len(seen) == 1:
            yield {0: DeltaToolCall(name=HAND_OVER_TOOL, json_args='{"to": "planner"}', tool_call_id="1")}
        else:
            yield "Here I am."

    said = [
        Said(seq=1, id="m1", role="system", content="Imported from elsewhere."),
        Said(seq=2, id="m2", role="user", content="Plan it."),
    ]
    first = Agents(SETTINGS).resolve("", "", "discussion", AiContext(model="test"))
    asked = Turn(
        first,
        build(said, "m2", 2, first.instructions, 1000),
        lambda _: None,
        chat_id="c1",
        reply_id=ids.uuid7(),
    )
    await generator(SETTINGS, FunctionModel(stream_function=stream, model_name="test")).generate(asked)
    texts = [[part.content for message in each for part in message.parts] for each in seen]  # type: ignore[union-attr]
    assert texts[0] == [first.instructions, "Imported from elsewhere.", "Plan it."]
    assert "You plan courses" in texts[1][0]
    assert texts[1][1:] == ["Imported from elsewhere.", "Plan it."]
