"""Commands that name, choose and configure chats, and their rules."""

from typing import Annotated, ClassVar

from pydantic import StringConstraints

from shared import errors
from shared.events import (
    AgentSwitched,
    AiContext,
    ChatActivated,
    ChatConfigured,
    ChatCreated,
    ChatRenamed,
    Event,
    SessionConfigured,
)
from shared.events.base import ChatId, Title
from shared.events.replies import AgentName
from shared.session.commands import Command, CreateChat
from shared.session.decided import Decided
from shared.session.state import SessionState

MAX_CHATS = 200


class ChatCommand(Command):
    """About one chat that is there."""

    chat_id: ChatId


class RenameChat(ChatCommand):
    """Give a chat another name."""

    METHOD: ClassVar[str] = "chat.rename"
    EVENT: ClassVar[type[Event]] = ChatRenamed
    name: Title


class ActivateChat(ChatCommand):
    """Make a chat the one that is meant where none is named."""

    METHOD: ClassVar[str] = "chat.activate"
    EVENT: ClassVar[type[Event]] = ChatActivated


class ConfigureChat(ChatCommand):
    """Say how the model answers in a chat."""

    METHOD: ClassVar[str] = "chat.configure"
    EVENT: ClassVar[type[Event]] = ChatConfigured
    ai_context: AiContext


class SwitchAgent(ChatCommand):
    """Let another agent answer in a chat."""

    METHOD: ClassVar[str] = "agent.switch"
    EVENT: ClassVar[type[Event]] = AgentSwitched
    agent: AgentName
    reason: Annotated[str, StringConstraints(max_length=1000)] = ""


class ConfigureSession(Command):
    """Say how the model answers where a chat does not say."""

    METHOD: ClassVar[str] = "session.configure"
    EVENT: ClassVar[type[Event]] = SessionConfigured
    ai_context: AiContext


def create(state: SessionState, command: CreateChat) -> Decided | errors.Refused:
    """A further chat, up to a limit."""
    if command.unique_type and state.chat_of_type(command.chat_type):
        return errors.Conflict(f"there is a chat of type {command.chat_type}")
    if len(state.chats) >= MAX_CHATS:
        return errors.LimitExceeded(f"{MAX_CHATS} chats")
    created = ChatCreated(chat_id=command.id, name=command.name, chat_type=command.chat_type)
    return Decided(created, strict=command.unique_type)


def arrange(state: SessionState, command: ChatCommand) -> Decided | errors.Refused:
    """Whoever writes here may. Chats do not go away, so nothing can come between."""
    if command.chat_id not in state.chats:
        return errors.NotFound("chat")
    match command:
        case RenameChat() as c:
            return Decided(ChatRenamed(chat_id=c.chat_id, name=c.name))
        case ActivateChat() as c:
            return Decided(ChatActivated(chat_id=c.chat_id))
        case ConfigureChat() as c:
            return Decided(ChatConfigured(chat_id=c.chat_id, ai_context=c.ai_context))
        case SwitchAgent() as c:
            previous = state.chats[c.chat_id].agent
            if previous == c.agent:
                return errors.RuleBroken(f"{c.agent} answers here already")
            return Decided(AgentSwitched(chat_id=c.chat_id, agent=c.agent, previous=previous, reason=c.reason))
        case _:
            return errors.MethodNotFound(command.METHOD)
