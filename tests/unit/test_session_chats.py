"""Naming, choosing and configuring chats."""

from typing import Any

import pytest

from shared import errors
from shared.events import AiContext
from shared.session.arranging import ActivateChat, ConfigureChat, ConfigureSession, RenameChat
from shared.session.commands import CreateChat, SendMessage
from shared.session.decided import Decided
from tests.unit.test_session import ADA, EVE, opened


def test_what_names_no_chat_goes_to_the_active_one() -> None:
    world = opened()
    world.do(CreateChat, ADA, name="second")
    second = world.log[-1].envelope.id
    assert world.state.active_chat != second
    assert isinstance(world.do(ActivateChat, ADA, chat_id=second), Decided)
    assert world.state.active_chat == second
    sent = world.do(SendMessage, ADA, content="x")
    assert isinstance(sent, Decided)
    assert sent.event.model_dump()["chat_id"] == second
    assert isinstance(world.do(RenameChat, ADA, chat_id=second, name="better"), Decided)
    assert world.state.chats[second].name == "better"


@pytest.mark.parametrize(
    ("kind", "fields"), [(ActivateChat, {}), (RenameChat, {"name": "x"}), (ConfigureChat, {"ai_context": AiContext()})]
)
def test_a_chat_that_is_not_there_is_not_arranged(kind: Any, fields: dict[str, Any]) -> None:
    assert isinstance(opened().do(kind, ADA, chat_id="nowhere", **fields), errors.NotFound)
    world = opened()
    assert isinstance(world.do(kind, EVE, chat_id=world.state.active_chat, **fields), errors.NotFound)


def test_settings_are_recorded_as_they_were_given() -> None:
    world = opened()
    outcome = world.do(ConfigureSession, ADA, ai_context=AiContext(temperature=0.0))
    assert isinstance(outcome, Decided)
    assert world.log[-1].envelope.data == {"ai_context": {"temperature": 0.0}}


def test_a_type_that_is_to_be_unique_is() -> None:
    world = opened()
    assert isinstance(world.do(CreateChat, ADA, chat_type="discussion", unique_type=True), errors.Conflict)
    made = world.do(CreateChat, ADA, chat_type="planning", unique_type=True)
    assert isinstance(made, Decided)
    assert made.strict
    assert isinstance(world.do(CreateChat, ADA, chat_type="planning", unique_type=True), errors.Conflict)
    assert isinstance(world.do(CreateChat, ADA, chat_type="planning"), Decided)
    assert world.state.chat_of_type("planning") == made.event.model_dump()["chat_id"]
