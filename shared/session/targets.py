"""The rules for commands that change something that is there: what they are about is handed in, current."""

from shared import errors
from shared.events import Event, MessageEdited, MessageRedacted, OperationApplied, Role
from shared.session.commands import EditMessage, RedactMessage, SubmitOperation, TargetedCommand
from shared.session.decided import Actor, Decided
from shared.session.state import Target


def change(command: TargetedCommand, actor: Actor, role: Role, target: Target) -> Decided | errors.Refused:
    """The event, or why not. An expectation that does not hold is a conflict that names the seq which does."""
    event = _event(command, actor, role, target)
    if isinstance(event, errors.Refused):
        return event
    if command.expected_seq is not None and command.expected_seq != target.seq:
        return errors.Conflict(f"last changed at seq {target.seq}")
    return Decided(event, strict=command.expected_seq is not None)


def _event(command: TargetedCommand, actor: Actor, role: Role, target: Target) -> Event | errors.Refused:
    match command:
        case EditMessage() as c:
            return _may_change(actor, target, anybody=False) or MessageEdited(
                message_id=c.message_id, chat_id=target.chat_id, content=c.content, metadata=c.metadata
            )
        case RedactMessage() as c:
            return _may_change(actor, target, anybody=role == "owner") or MessageRedacted(
                message_id=c.message_id, chat_id=target.chat_id
            )
        case SubmitOperation() as c:
            return OperationApplied(kind=c.kind, target=c.target, payload=c.payload)
        case _:
            return errors.MethodNotFound(command.METHOD)


def _may_change(actor: Actor, target: Target, *, anybody: bool) -> errors.Refused | None:
    if not target.seq:
        return errors.NotFound("message")
    if not anybody and target.author != actor.user:
        return errors.PermissionDenied("not your message")
    return errors.Gone("the message was redacted") if target.redacted else None
