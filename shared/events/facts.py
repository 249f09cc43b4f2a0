"""The facts of version 1 that a session can hold. The catalogue grows; nothing in it changes meaning."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.events.base import ChatId, Content, Event, EventId, Title, UserId
from shared.events.chats import ChatActivated, ChatConfigured, ChatRenamed, SessionConfigured
from shared.events.messages import MessageEdited, MessageRedacted
from shared.events.objects import OperationApplied
from shared.events.receipts import ReceiptRead
from shared.events.sessions import SessionArchived, SessionDeleted, SessionRestored, SessionUnarchived

Role = Literal["owner", "member", "viewer"]
MessageRole = Literal["user", "assistant", "system", "tool"]
FinishReason = Literal["stop", "length", "content_filter", "tool_calls", "cancelled", "error", "unknown"]

FailReason = Literal[
    "rate_limited",
    "refused",
    "too_long",
    "unreachable",
    "timeout",
    "bad_configuration",
    "provider_error",
    "gave_up",
]


class SessionCreated(Event):
    """Somebody opened a session. They own it, and its first chat is there at once."""

    TYPE: ClassVar[str] = "session.created.v1"
    owner: UserId
    owner_name: str = ""
    chat_id: ChatId
    title: Title = ""
    kind: Literal["chat", "track"] = "chat"
    project: str = ""


class SessionRenamed(Event):
    """A session has another title."""

    TYPE: ClassVar[str] = "session.renamed.v1"
    title: Title


class ParticipantInvited(Event):
    """Whoever holds the invitation may join. The invitation's id is this event's id."""

    TYPE: ClassVar[str] = "participant.invited.v1"
    role: Role = "member"
    expires_at: int = Field(description="Unix seconds")


class ParticipantJoined(Event):
    """A user entered the session."""

    TYPE: ClassVar[str] = "participant.joined.v1"
    user: UserId
    name: str = ""
    role: Role = "member"
    invite_id: EventId


class ParticipantLeft(Event):
    """A user left the session by themselves."""

    TYPE: ClassVar[str] = "participant.left.v1"
    user: UserId


class ParticipantRemoved(Event):
    """The owner took a user out of the session; invitations made before do not let them in again."""

    TYPE: ClassVar[str] = "participant.removed.v1"
    user: UserId


class ParticipantRoleChanged(Event):
    """A participant may do more or less from here on."""

    TYPE: ClassVar[str] = "participant.role_changed.v1"
    user: UserId
    role: Literal["member", "viewer"]


class ChatCreated(Event):
    """A further chat was opened inside the session."""

    TYPE: ClassVar[str] = "chat.created.v1"
    chat_id: ChatId
    name: Title = ""
    chat_type: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "discussion"


class MessagePosted(Event):
    """A participant's message entered a chat. With a `reply_id` it asks for a reply."""

    TYPE: ClassVar[str] = "message.posted.v1"
    chat_id: ChatId
    role: MessageRole = "user"
    content: Content
    metadata: dict[str, Any] = {}
    parent: EventId | None = None
    reply_id: EventId | None = None
    agent: str | None = None


class Usage(BaseModel):
    """Tokens of one reply. `estimated` says that the provider did not count them and Antiphon did."""

    model_config = ConfigDict(frozen=True)

    input_tokens: int = Field(0, ge=0)
    output_tokens: int = Field(0, ge=0)
    cached_tokens: int = Field(0, ge=0)
    estimated: bool = False


class Manifest(BaseModel):
    """What the model saw: the seqs of the events in its context and the SHA-256 (hex) of the rendered messages."""

    model_config = ConfigDict(frozen=True)

    seqs: list[int]
    digest: str


class ReplyStarted(Event):
    """A worker began to generate. `attempt` counts from 1 and is the fencing token of everything that follows."""

    TYPE: ClassVar[str] = "reply.started.v1"
    reply_id: EventId
    chat_id: ChatId
    attempt: int = Field(ge=1)
    model: str
    agent: str = ""
    manifest: Manifest


class ReplyCompleted(Event):
    """A reply ended with its whole text. The assistant's message has the reply's id."""

    TYPE: ClassVar[str] = "reply.completed.v1"
    reply_id: EventId
    chat_id: ChatId
    attempt: int = Field(ge=1)
    content: Content
    model: str
    agent: str = ""
    finish_reason: FinishReason
    usage: Usage
    parent: EventId | None = None
    first_token_ms: int | None = Field(None, ge=0)
    total_ms: int = Field(0, ge=0)


class ReplyFailed(Event):
    """A reply ended without a text. `reason` is for programs, `message` for the person who waits."""

    TYPE: ClassVar[str] = "reply.failed.v1"
    reply_id: EventId
    chat_id: ChatId
    attempt: int = Field(ge=0)
    reason: Literal[
        "rate_limited",
        "refused",
        "too_long",
        "unreachable",
        "timeout",
        "bad_configuration",
        "provider_error",
        "gave_up",
    ]
    message: str


CATALOGUE: dict[str, type[Event]] = {
    event.TYPE: event
    for event in (
        SessionCreated, SessionRenamed, SessionConfigured, SessionArchived, SessionUnarchived, SessionDeleted,
        SessionRestored, ParticipantInvited, ParticipantJoined, ParticipantLeft, ParticipantRemoved,
        ParticipantRoleChanged, ChatCreated, ChatRenamed, ChatConfigured, ChatActivated, MessagePosted, MessageEdited,
        MessageRedacted, OperationApplied, ReceiptRead, ReplyStarted, ReplyCompleted, ReplyFailed,
    )
}  # fmt: skip
