"""Sending a command again is told apart from using its id for something else."""

import pytest

from services.gateway.repeats import is_repeat
from shared import ids
from shared.session import Actor, Command, Decided, SessionState, decide
from shared.session.commands import CreateSession, SendMessage
from shared.session.replying import FinalizePlan, RequestReply
from shared.session.state import Chat, Participant

ID, SESSION = ids.uuid7(), ids.uuid7()


def send(**fields: object) -> SendMessage:
    return SendMessage.model_validate({"id": ID, "session_id": SESSION, "content": "hello", **fields})


def decided(command: Command) -> dict[str, object]:
    state = SessionState(
        SESSION,
        seq=1,
        owner="ann",
        created_at="2026-01-01T00:00:00Z",
        active_chat="c1",
        participants={"ann": Participant("ann", "Ann", "owner", 1)},
        chats={
            "c1": Chat("c1", "Main Chat", "discussion"),
            "c2": Chat("c2", "Other", "discussion"),
            "p": Chat("p", "Plan", "planning"),
        },
    )
    found = decide(state, command, Actor("ann", "Ann"), 0)
    assert isinstance(found, Decided)
    return found.event.model_dump(mode="json", exclude_none=True)


@pytest.mark.parametrize(
    "fields", [{}, {"reply": True}, {"reply": "planner"}, {"chat_id": "c2"}, {"metadata": {"a": [1]}, "parent": ID}]
)
def test_the_same_command_is_a_repeat(fields: dict[str, object]) -> None:
    assert is_repeat(send(**fields), "message.posted.v1", decided(send(**fields)))


@pytest.mark.parametrize(
    "fields", [{"content": "other"}, {"reply": True}, {"reply": "planner"}, {"chat_id": "c2"}, {"metadata": {"a": 1}}]
)
def test_another_command_under_the_same_id_is_none(fields: dict[str, object]) -> None:
    assert not is_repeat(send(**fields), "message.posted.v1", decided(send()))


@pytest.mark.parametrize("other", [True, 1.0])
def test_what_python_takes_for_equal_is_another_value_all_the_same(other: object) -> None:
    assert is_repeat(
        send(metadata={"b": {"c": 1, "d": 2}}), "message.posted.v1", decided(send(metadata={"b": {"d": 2, "c": 1}}))
    )
    assert not is_repeat(
        send(metadata={"b": {"c": other}}), "message.posted.v1", decided(send(metadata={"b": {"c": 1}}))
    )


def test_another_type_is_none() -> None:
    assert not is_repeat(CreateSession(id=ID), "message.posted.v1", decided(send()))


def test_a_plan_and_a_greeting_are_told_apart() -> None:
    plan = FinalizePlan(id=ID, session_id=SESSION, chat_id="p")
    greeting = RequestReply(id=ID, session_id=SESSION, chat_id="p")
    assert is_repeat(plan, "reply.requested.v1", decided(plan))
    assert is_repeat(greeting, "reply.requested.v1", decided(greeting))
    assert not is_repeat(greeting, "reply.requested.v1", decided(plan))
    assert not is_repeat(plan, "reply.requested.v1", decided(greeting))


def test_a_track_is_known_by_its_own_title_where_the_session_has_none() -> None:
    def track(title: str, session_title: str = "") -> CreateSession:
        return CreateSession.model_validate(
            {"id": ID, "title": session_title, "kind": "track", "track": {"title": title}}
        )

    found = decide(SessionState(ID), track("Rust"), Actor("ann", "Ann"), 0)
    assert isinstance(found, Decided)
    stored = found.event.model_dump(mode="json", exclude_none=True)
    assert is_repeat(track("Rust"), "session.created.v1", stored)
    for other in (track("Go"), track("Rust", "Another"), CreateSession(id=ID, title="Rust")):
        assert not is_repeat(other, "session.created.v1", stored)
