"""Messages: said, changed, taken back."""

from typing import Any, ClassVar, Literal

from shared.events.base import ChatId, Content, Event, EventId
from shared.events.replies import AgentName, Usage

MessageRole = Literal["user", "assistant", "system", "tool"]


class MessagePosted(Event):
    """A participant's message entered a chat. With a `reply_id` it asks for a reply, by `agent` if one is named.

    `parent` is the message it follows, `root` where it begins the chat anew; without one it follows the one before it.
    `model` and `usage` are those of an answer that another system wrote, and that was imported.
    """

    TYPE: ClassVar[str] = "message.posted.v1"
    chat_id: ChatId
    role: MessageRole = "user"
    content: Content
    metadata: dict[str, Any] = {}
    parent: EventId | Literal["root"] | None = None
    reply_id: EventId | None = None
    agent: AgentName | None = None
    model: str = ""
    usage: Usage | None = None


class MessageEdited(Event):
    """A message says something else now. Without `metadata` it keeps what it had."""

    TYPE: ClassVar[str] = "message.edited.v1"
    message_id: EventId
    chat_id: ChatId
    content: Content
    metadata: dict[str, Any] | None = None


class MessageRedacted(Event):
    """A message's content and metadata are taken back: nobody is shown them any more. The log keeps them."""

    TYPE: ClassVar[str] = "message.redacted.v1"
    message_id: EventId
    chat_id: ChatId
