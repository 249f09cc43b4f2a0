"""What happens to a message after it was posted."""

from typing import Any, ClassVar

from shared.events.base import ChatId, Content, Event, EventId


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
