"""What reading over HTTP answers, for the OpenAPI document: nothing is checked against it on the way out, a test does.

Times are RFC 3339 in UTC. A `seq` is a position in the log, the same number everywhere; `at` is the position that an
answer is true for. What is null or left out is not there. Clients pass over fields that they don't know.
"""

from typing import Any

from pydantic import BaseModel, Field

from shared.events import AiContext, PlanModule, Role, Track
from shared.events.messages import MessageRole


class Tokens(BaseModel):
    """Tokens of a model."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int
    estimated: bool | None = Field(None, description="Counted here, because the model did not say")


class Session(BaseModel):
    """A session's own facts and counters; `seq` is where they changed last, `last_seq` where anything did."""

    session_id: str
    owner: str | None
    title: str
    kind: str
    project: str
    created_at: str
    last_activity: str
    ai_context: AiContext
    archived_at: str | None
    deleted_at: str | None
    version: int
    message_count: int
    usage: Tokens
    cost_usd: float | None
    last_seq: int
    seq: int


class Preview(BaseModel):
    """The last message of a session, with the beginning of its text."""

    role: MessageRole
    author: str
    author_name: str
    content: str
    time: str
    seq: int


class Chat(BaseModel):
    """A thread of messages inside a session."""

    chat_id: str
    name: str
    chat_type: str
    agent: str | None
    status: str | None = None
    message_count: int | None = None
    ai_context: AiContext | None = None
    created_at: str | None = None


class Summary(Session):
    """A session as a list shows it: `role` is the reader's, `unread` counts up to a hundred."""

    role: Role | None
    active_chat: str | None
    last_message: Preview | None
    unread: int
    chats: list[Chat] | int = Field(description="The chats of each `with_chats`, else how many there are")
    participants: int


class SessionPage(BaseModel):
    """The latest first; `cursor` leads to the next page, null at the end."""

    sessions: list[Summary]
    cursor: str | None
    at: int


class Participant(BaseModel):
    """Somebody who takes part, since `since_seq`."""

    user: str
    name: str
    role: Role
    since_seq: int
    joined_at: str | None = None


class Participants(BaseModel):
    """Everybody who takes part."""

    participants: list[Participant]
    at: int


class Chats(BaseModel):
    """Every chat, and the one that takes messages which name none."""

    chats: list[Chat]
    active_chat: str
    at: int


class ActiveChat(Chat):
    """The chat that takes messages which name none."""

    at: int


class Message(BaseModel):
    """A message as it is now. Redacted or erased, it says nothing; an assistant's has model, usage and cost."""

    id: str
    seq: int
    changed_seq: int = Field(description="Where it became what it is: the `expected_seq` of a change")
    chat_id: str
    role: MessageRole
    author: str
    author_name: str
    content: str
    metadata: dict[str, Any]
    redacted: bool
    erased: bool | None = None
    edited_at: str | None
    parent: str | None = Field(description="The message that it follows, if that is not the one before it")
    after: int = Field(description="The seq of the message before it in its thread; 0 at the beginning")
    agent: str | None
    time: str
    model: str | None = None
    finish_reason: str | None = None
    usage: Tokens | None = None
    cost_usd: float | None = None


class FailedReply(BaseModel):
    """A reply that failed, and the beginning of what it had said."""

    seq: int
    time: str
    reply_id: str
    chat_id: str
    purpose: str
    parent: str | None
    agent: str | None
    reason: str
    message: str
    partial: str


class Switch(BaseModel):
    """One agent after another."""

    seq: int
    time: str
    chat_id: str
    from_: str = Field(alias="from")
    to: str
    reason: str
    metadata: dict[str, Any]
    by: str
    reply_id: str | None


class Aside(BaseModel):
    """What happened between messages."""

    failed: list[FailedReply]
    switches: list[Switch]


class MessagePage(Aside):
    """A page of messages, oldest first; `large_history` is a warning above a thousand."""

    messages: list[Message]
    total: int
    more: bool
    large_history: bool
    at: int


class Plan(BaseModel):
    """What a planning chat has come to."""

    reply_id: str
    chat_id: str
    title: str
    summary: str
    model: str
    agent: str | None
    seq: int
    time: str
    modules: list[PlanModule]


class Receipt(BaseModel):
    """How far a participant has read."""

    user: str
    up_to_seq: int


class RunningReply(BaseModel):
    """A reply on its way, with its text so far; `position` counts the text's characters (Unicode code points)."""

    reply_id: str
    chat_id: str
    purpose: str
    parent: str
    agent: str
    attempt: int
    text: str
    position: int


class Past(Aside):
    """A session as it was at a position."""

    session: Session
    track: Track | None
    participants: list[Participant]
    chats: list[Chat]
    plans: list[Plan] = Field(description="The newest of each chat")
    active_chat: str
    messages: list[Message] = Field(description="The newest of the active chat")
    more: bool = Field(description="There are older ones")
    receipts: list[Receipt]
    running: list[RunningReply]
    cut: list[str] | None = Field(None, description="What there was no room for: chats, plans")
    at: int


class Snapshot(Past):
    """A session as it is, and of which log that is told."""

    awareness: dict[str, Any] = Field(description="What each client says of itself: `{user, name, data}`")
    degraded: list[str] = Field(description="What is away: projector, history, bus, storage")
    epoch: str
