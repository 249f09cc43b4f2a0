"""Asking for replies, cancelling them, plans, and who answers."""

import pytest
from pydantic import ValidationError

from shared import errors, ids
from shared.events import AiContext, MessagePosted, ReplyCompleted, ReplyRequested, SessionCreated, Usage
from shared.session import Actor, SessionState, Target, decide
from shared.session.arranging import ConfigureChat, ConfigureSession, SwitchAgent
from shared.session.commands import CreateSession, SendMessage
from shared.session.decided import Decided
from shared.session.replying import CancelReply, FinalizePlan, RequestReply
from tests.unit.test_session import ADA, World, opened

TRACK = {"title": "Go in a week", "difficulty_level": "beginner", "estimated_duration_hours": 12}


def test_a_cancelled_reply_stays_open_until_it_has_ended_and_is_cancelled_once() -> None:
    world = opened()
    sent = world.do(SendMessage, ADA, content="x", reply=True)
    assert isinstance(sent, Decided)
    reply_id = sent.event.model_dump()["reply_id"]
    assert isinstance(world.do(CancelReply, ADA, reply_id=reply_id), Decided)
    assert world.state.open_replies[reply_id].cancelled
    assert isinstance(world.do(CancelReply, ADA, reply_id=reply_id), errors.RuleBroken)
    assert isinstance(world.do(CancelReply, ADA, reply_id=ids.uuid7()), errors.NotFound)
    assert reply_id in world.state.open_replies


@pytest.mark.parametrize(
    ("role", "parent", "purpose", "follows"),
    [
        ("user", "", "answer", "itself"),
        ("assistant", "p" * 36, "regenerate", "p" * 36),
        ("assistant", "", "regenerate", None),
    ],
)
def test_what_a_request_means_follows_from_its_message(
    role: str, parent: str, purpose: str, follows: str | None
) -> None:
    world = opened()
    chat_id, message_id = world.state.active_chat, ids.uuid7()
    command = RequestReply(id=ids.uuid7(), session_id=world.state.session_id, chat_id=chat_id, message_id=message_id)
    target = Target(seq=1, author="x", chat_id=chat_id, role=role, parent=parent)
    decided = decide(world.state, command, ADA, 0, target)
    assert isinstance(decided, Decided)
    assert isinstance(decided.event, ReplyRequested)
    assert decided.event.purpose == purpose
    assert decided.event.parent == (message_id if follows == "itself" else follows)


def test_a_request_about_what_is_not_in_the_chat_is_refused() -> None:
    world = opened()
    chat_id = world.state.active_chat
    command = RequestReply(id=ids.uuid7(), session_id=world.state.session_id, chat_id=chat_id, message_id=ids.uuid7())
    assert isinstance(decide(world.state, command, ADA, 0, Target()), errors.NotFound)
    assert isinstance(decide(world.state, command, ADA, 0, Target(3, "x", "elsewhere")), errors.NotFound)
    assert isinstance(decide(world.state, command, ADA, 0, Target(3, "x", chat_id, redacted=True)), errors.Gone)


@pytest.mark.parametrize("where", [ConfigureChat, ConfigureSession])
def test_a_chat_can_refuse_a_second_prompt(where: type[ConfigureChat] | type[ConfigureSession]) -> None:
    world = opened()
    named = {"chat_id": world.state.active_chat} if where is ConfigureChat else {}
    world.do(where, ADA, ai_context=AiContext(on_second_prompt="reject"), **named)
    sent = world.do(SendMessage, ADA, content="x", reply=True)
    assert isinstance(sent, Decided)
    assert isinstance(world.do(SendMessage, ADA, content="y", reply=True), errors.RuleBroken)
    assert isinstance(world.do(RequestReply, ADA, chat_id=world.state.active_chat), errors.RuleBroken)
    assert isinstance(world.do(SendMessage, ADA, content="y"), Decided)
    reply_id = sent.event.model_dump()["reply_id"]
    done = {"reply_id": reply_id, "chat_id": world.state.active_chat, "attempt": 1, "content": "z", "model": "m"}
    ended = ReplyCompleted.model_validate({**done, "finish_reason": "stop", "usage": Usage()})
    world.record(ended, ids.uuid7(), "svc/llm")
    assert isinstance(world.do(SendMessage, ADA, content="y", reply="planner"), Decided)
    assert next(iter(world.state.open_replies.values())).agent == "planner"


def test_a_track_opens_with_a_planning_chat_that_greets() -> None:
    world = World()
    asked = {"id": ids.uuid7(), "session_id": world.state.session_id, "kind": "track", "track": TRACK}
    created = decide(world.state, CreateSession.model_validate(asked), ADA, 0)
    assert isinstance(created, Decided)
    assert isinstance(created.event, SessionCreated)
    world.record(created.event, ids.uuid7(), "ada")
    state = world.state
    assert (state.title, state.chats[state.active_chat].chat_type) == ("Go in a week", "planning")
    greeting = state.open_replies[created.event.reply_id or ""]
    assert (greeting.purpose, greeting.prompt_id, greeting.requested_seq) == ("greet", "", state.seq)
    planned = world.do(FinalizePlan, ADA, chat_id=state.active_chat)
    assert isinstance(planned, Decided)
    assert planned.strict
    assert isinstance(world.do(FinalizePlan, ADA, chat_id=state.active_chat), errors.RuleBroken)
    other = opened()
    assert isinstance(other.do(FinalizePlan, ADA, chat_id=other.state.active_chat), errors.RuleBroken)


@pytest.mark.parametrize("fields", [{"kind": "track"}, {"track": TRACK}, {"kind": "track", "track": {"title": ""}}])
def test_a_track_session_has_a_track_and_no_other_has(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CreateSession.model_validate({"id": ids.uuid7(), **fields})


def test_the_agent_of_a_chat_is_switched_once_and_named_with_its_predecessor() -> None:
    world = opened()
    chat_id = world.state.active_chat
    world.do(SwitchAgent, ADA, chat_id=chat_id, agent="planner", reason="a plan is wanted")
    assert world.state.chats[chat_id].agent == "planner"
    assert isinstance(world.do(SwitchAgent, ADA, chat_id=chat_id, agent="planner"), errors.RuleBroken)
    world.do(SwitchAgent, ADA, chat_id=chat_id, agent="coordinator")
    assert world.log[-1].envelope.data["previous"] == "planner"


def test_what_nobody_owns_is_there_all_the_same() -> None:
    world = World()
    world.record(SessionCreated(chat_id="c"), ids.uuid7(), "svc/import")
    assert world.state.exists
    assert not world.state.participants
    refused = decide(world.state, SendMessage(id=ids.uuid7(), session_id="s", content="x"), Actor("eve", "Eve"), 0)
    assert isinstance(refused, errors.NotFound)


def test_what_is_asked_is_what_is_posted() -> None:
    sent = opened().do(SendMessage, ADA, content="x", parent="root", reply="planner")
    assert isinstance(sent, Decided)
    assert isinstance(sent.event, MessagePosted)
    assert (sent.event.parent, sent.event.agent) == ("root", "planner")
    assert SessionState("s").second_prompt("c") == "enqueue"
