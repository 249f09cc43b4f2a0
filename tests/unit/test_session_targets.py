"""Commands about a thing that is there: who may, and what an expectation means."""

import pytest

from shared import errors, ids
from shared.events import MessageEdited, MessageRedacted, Role
from shared.session import Actor, Decided, SessionState, Target, decide
from shared.session.commands import EditMessage, RedactMessage, SubmitOperation, TargetedCommand
from shared.session.state import Chat, Participant

SESSION, MESSAGE = ids.uuid7(), ids.uuid7()
ADAS = Target(7, "ada", "c1")


def edit(**fields: object) -> EditMessage:
    raw = {"id": ids.uuid7(), "session_id": SESSION, "message_id": MESSAGE, "content": "new", **fields}
    return EditMessage.model_validate(raw)


def redact(**fields: object) -> RedactMessage:
    raw = {"id": ids.uuid7(), "session_id": SESSION, "message_id": MESSAGE, **fields}
    return RedactMessage.model_validate(raw)


def asked(command: TargetedCommand, user: str, target: Target, role: Role = "member") -> Decided | errors.Refused:
    people = {user: Participant(user, user, role, 1)}
    state = SessionState(SESSION, 9, "olga", active_chat="c1", participants=people, chats={"c1": Chat("c1", "", "x")})
    return decide(state, command, Actor(user, user), 0, target)


def test_ones_own_message_is_edited_and_redacted() -> None:
    for command, kind in ((edit(), MessageEdited), (redact(), MessageRedacted)):
        outcome = asked(command, "ada", ADAS)
        assert isinstance(outcome, Decided)
        assert isinstance(outcome.event, kind)
        assert (outcome.event.message_id, outcome.event.chat_id, outcome.strict) == (MESSAGE, "c1", False)


def test_anothers_message_is_redacted_by_the_owner_only_and_edited_by_nobody() -> None:
    assert isinstance(asked(redact(), "olga", ADAS, "owner"), Decided)
    assert isinstance(asked(redact(), "bob", ADAS), errors.PermissionDenied)
    assert isinstance(asked(edit(), "olga", ADAS, "owner"), errors.PermissionDenied)
    assert isinstance(asked(redact(), "ada", ADAS, "viewer"), errors.PermissionDenied)


def test_an_answer_of_the_assistant_is_nobodys_own_even_by_name() -> None:
    answer = Target(7, "", "c1")
    assert isinstance(asked(edit(), "offline", answer), errors.PermissionDenied)
    assert isinstance(asked(redact(), "olga", answer, "owner"), Decided)


def test_what_is_not_there_or_not_any_more_is_not_changed() -> None:
    for command in (edit(), redact()):
        assert isinstance(asked(command, "ada", Target()), errors.NotFound)
        assert isinstance(asked(command, "ada", Target(8, "ada", "c1", redacted=True)), errors.Gone)


@pytest.mark.parametrize("command", [edit(expected_seq=7), redact(expected_seq=7)])
def test_an_expectation_is_strict_and_a_wrong_one_names_the_right_seq(command: TargetedCommand) -> None:
    outcome = asked(command, "ada", ADAS)
    assert isinstance(outcome, Decided)
    assert outcome.strict
    refused = asked(command, "ada", Target(8, "ada", "c1"))
    assert isinstance(refused, errors.Conflict)
    assert "8" in str(refused)


def test_an_operation_needs_no_object_and_may_expect_that_there_is_none() -> None:
    raw = {"id": ids.uuid7(), "session_id": SESSION, "kind": "set", "target": "board", "payload": {"x": 1}}
    assert isinstance(asked(SubmitOperation.model_validate(raw), "ada", Target()), Decided)
    first = SubmitOperation.model_validate({**raw, "expected_seq": 0})
    assert isinstance(asked(first, "ada", Target()), Decided)
    assert isinstance(asked(first, "ada", Target(5, "bob")), errors.Conflict)
    assert isinstance(asked(first, "ada", Target(), "viewer"), errors.PermissionDenied)
