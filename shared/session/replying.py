"""Commands that ask for replies and end them, and their rules."""

from typing import ClassVar

from shared import errors, ids
from shared.events import Event, MessagePosted, ReplyCancelRequested, ReplyRequested
from shared.events.base import ChatId, EventId
from shared.events.replies import AgentName
from shared.session.commands import Command, CommandId, SendMessage, TargetedCommand
from shared.session.decided import Decided
from shared.session.evolve import PLANNING_CHAT
from shared.session.state import SessionState, Target

MAX_OPEN = 200  # replies of a session that are waited for: all of them are in every snapshot


class RequestReply(TargetedCommand):
    """Ask for an answer to a user's message, for another one beside an answer, or, with no message, for an opening."""

    METHOD: ClassVar[str] = "reply.request"
    EVENT: ClassVar[type[Event]] = ReplyRequested
    chat_id: ChatId
    message_id: CommandId | None = None
    agent: AgentName | None = None


class CancelReply(Command):
    """End a reply with what it has said so far."""

    METHOD: ClassVar[str] = "reply.cancel"
    EVENT: ClassVar[type[Event]] = ReplyCancelRequested
    reply_id: EventId


class FinalizePlan(Command):
    """Ask for the structured plan of a planning chat."""

    METHOD: ClassVar[str] = "plan.finalize"
    EVENT: ClassVar[type[Event]] = ReplyRequested
    chat_id: ChatId


def send(state: SessionState, command: SendMessage) -> Decided | errors.Refused:
    """A message, and the reply it asks for, unless the chat takes no second prompt and an answer is being written."""
    chat_id = command.chat_id or state.active_chat
    if chat_id not in state.chats:
        return errors.NotFound("chat")
    if command.expected_seq is not None and command.expected_seq != state.seq:
        return errors.Conflict(f"the session is at seq {state.seq}")
    if command.reply and (busy := _busy(state, chat_id)):
        return busy
    posted = MessagePosted(
        chat_id=chat_id,
        content=command.content,
        metadata=command.metadata,
        parent=command.parent,
        reply_id=ids.derived(command.id, "reply") if command.reply else None,
        agent=command.reply if isinstance(command.reply, str) else None,
    )
    return Decided(posted, strict=command.expected_seq is not None)


def request(state: SessionState, command: RequestReply, target: Target) -> Decided | errors.Refused:
    """What kind of reply it is follows from the message that is named."""
    if command.chat_id not in state.chats:
        return errors.NotFound("chat")
    if command.message_id and (not target.seq or target.chat_id != command.chat_id):
        return errors.NotFound("message")
    if target.redacted:
        return errors.Gone("the message was redacted")
    if command.expected_seq is not None and command.expected_seq != target.seq:
        return errors.Conflict(f"last changed at seq {target.seq}")
    if busy := _busy(state, command.chat_id):
        return busy
    requested = ReplyRequested(
        reply_id=ids.derived(command.id, "reply"),
        chat_id=command.chat_id,
        purpose="greet" if command.message_id is None else "regenerate" if target.role == "assistant" else "answer",
        message_id=command.message_id,
        parent=(target.parent or None) if target.role == "assistant" else command.message_id,
        agent=command.agent,
    )
    return Decided(requested, strict=command.expected_seq is not None)


def cancel(state: SessionState, command: CancelReply) -> Decided | errors.Refused:
    """Once. A reply that has ended is not found any more."""
    reply = state.open_replies.get(command.reply_id)
    if reply is None:
        return errors.NotFound("no such reply, or it has ended")
    if reply.cancelled:
        return errors.RuleBroken("is being cancelled already")
    return Decided(ReplyCancelRequested(reply_id=reply.reply_id, chat_id=reply.chat_id))


def finalize(state: SessionState, command: FinalizePlan) -> Decided | errors.Refused:
    """One at a time, in a planning chat."""
    chat = state.chats.get(command.chat_id)
    if chat is None:
        return errors.NotFound("chat")
    if chat.chat_type != PLANNING_CHAT[1]:
        return errors.RuleBroken("only a planning chat has a plan")
    if any(reply.purpose == "finalize" for reply in state.replies_in(chat.chat_id)):
        return errors.RuleBroken("the plan is being written already")
    reply_id = ids.derived(command.id, "reply")
    return Decided(ReplyRequested(reply_id=reply_id, chat_id=chat.chat_id, purpose="finalize"), strict=True)


def _busy(state: SessionState, chat_id: str) -> errors.Refused | None:
    if state.second_prompt(chat_id) == "reject" and state.replies_in(chat_id):
        return errors.RuleBroken("an answer is being written in this chat")
    if len(state.open_replies) >= MAX_OPEN:
        return errors.LimitExceeded(f"{MAX_OPEN} replies that have not ended")
    return None
