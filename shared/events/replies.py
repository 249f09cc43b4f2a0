"""What becomes of a reply: asked for, begun by an attempt, and ended exactly once.

A reply ends with `reply.completed`, `reply.failed` or `plan.finalized`, whichever comes first.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.events.base import ChatId, Content, Event, EventId

AgentName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Purpose = Literal["answer", "greet", "regenerate", "finalize"]
FinishReason = Literal["stop", "length", "content_filter", "tool_calls", "cancelled", "error", "unknown"]

FailReason = Literal[
    "rate_limited",
    "refused",
    "too_long",
    "unreachable",
    "timeout",
    "bad_configuration",
    "provider_error",
    "invalid_plan",
    "quota_exceeded",
    "gave_up",
]


class Usage(BaseModel):
    """Tokens of one reply. `estimated` says that the provider did not count them and Antiphon did.

    `input_tokens` includes `cached_tokens`. `cost_usd` is None where no price is known for the model.
    """

    model_config = ConfigDict(frozen=True)

    input_tokens: int = Field(0, ge=0)
    output_tokens: int = Field(0, ge=0)
    cached_tokens: int = Field(0, ge=0)
    estimated: bool = False
    cost_usd: float | None = Field(None, ge=0)


class Manifest(BaseModel):
    """What the model saw: the seqs of the events in its context and the SHA-256 (hex) of the rendered messages.

    `temperature` and `agent` are those it was asked with.
    """

    model_config = ConfigDict(frozen=True)

    seqs: list[int]
    digest: str
    temperature: float | None = None
    agent: str = ""


class ReplyRequested(Event):
    """Somebody asked for a reply without saying anything.

    `answer`: to the user's message `message_id`. `regenerate`: another answer beside the assistant's message
    `message_id`. `greet`: an opening of the chat. `finalize`: the chat's structured plan, which ends as
    `plan.finalized`. `parent` is the message that the answer follows, None where it follows none.
    """

    TYPE: ClassVar[str] = "reply.requested.v1"
    reply_id: EventId
    chat_id: ChatId
    purpose: Purpose
    message_id: EventId | None = None
    parent: EventId | None = None
    agent: AgentName | None = None


class ReplyCancelRequested(Event):
    """A participant wants no more of a reply; it ends with what it has said so far."""

    TYPE: ClassVar[str] = "reply.cancel_requested.v1"
    reply_id: EventId
    chat_id: ChatId


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
    attempt: int = Field(ge=0)
    content: Content
    model: str
    agent: str = ""
    finish_reason: FinishReason
    usage: Usage
    parent: EventId | None = None
    first_token_ms: int | None = Field(None, ge=0)
    total_ms: int = Field(0, ge=0)


class ReplyFailed(Event):
    """A reply ended without an answer. `reason` is for programs, `message` for the person who waits.

    `partial` is what had been said before it failed; it makes no message. `usage` is what it cost all the same.
    """

    TYPE: ClassVar[str] = "reply.failed.v1"
    reply_id: EventId
    chat_id: ChatId
    attempt: int = Field(ge=0)
    reason: FailReason
    message: str
    partial: Content = ""
    model: str = ""
    usage: Usage = Usage()
