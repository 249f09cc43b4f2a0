"""The agents' file: what comes with Antiphon, who answers, and every mistake told with its place."""

from pathlib import Path

import pytest

from services.llm.failures import GenerationFailedError
from services.llm.registry import AgentsFileError, load

TWO = """
default = "a"
[agents.a]
description = "First"
hands_over_to = ["b"]
[agents.b]
description = "Second"
default_for = ["planning"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "agents.toml"


def test_a_coordinator_and_a_planner_come_with_antiphon() -> None:
    registry = load()
    assert registry.default == "coordinator"
    assert registry.defaults == {"planning": "planner"}
    assert registry.agents["coordinator"].hands_over_to == ("planner",)
    assert registry.agents["planner"].settings.temperature is not None


@pytest.mark.parametrize(
    ("asked", "chat_agent", "chat_type", "who"),
    [
        ("a", "b", "planning", "a"),
        ("", "b", "discussion", "b"),
        ("", "", "planning", "b"),
        ("", "", "discussion", "a"),
    ],
)
def test_who_answers_is_named_switched_to_meant_for_the_type_or_the_default(
    file: Path, asked: str, chat_agent: str, chat_type: str, who: str
) -> None:
    file.write_text(TWO)
    assert load(str(file)).resolve(asked, chat_agent, chat_type).name == who


def test_an_agent_that_is_gone_is_told_by_its_name() -> None:
    with pytest.raises(GenerationFailedError) as caught:
        load().resolve("", "pirate", "discussion")
    assert caught.value.reason == "bad_configuration"
    assert "“pirate”" in caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TWO.replace('["b"]', '["c"]'), "agents.a.hands_over_to: there is no other agent 'c'"),
        (TWO.replace('["b"]', '["a"]'), "agents.a.hands_over_to: there is no other agent 'a'"),
        (TWO.replace('default = "a"', 'default = "x"'), "default: there is no agent 'x'"),
        (TWO.replace("[agents.a]", "[agents.Ada]"), "agents.Ada: String should match pattern"),
        (TWO + 'tools = ["telescope"]', "agents.b.tools: there is no tool 'telescope'; there are current_time"),
        (TWO + 'tools = ["nowhere.at_all:look"]', "can't be imported"),
        (
            TWO + "settings = {temperature = 3}",
            "agents.b.settings.temperature: Input should be less than",
        ),
        (TWO + 'mood = "good"', "agents.b.mood: Extra inputs are not permitted"),
        (TWO + '[agents.c]\ndescription = "Third"\ndefault_for = ["planning"]', "'planning' is 'b''s already"),
        ("default", "Expected '='"),
        ('default = "a"\nagents = 1', "agents: Input should be a valid dictionary"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(file: Path, text: str, words: str) -> None:
    file.write_text(text)
    with pytest.raises(AgentsFileError) as caught:
        load(str(file))
    assert words in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_is_told(file: Path) -> None:
    with pytest.raises(AgentsFileError, match="No such file"):
        load(str(file))
