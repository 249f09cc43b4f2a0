"""What happens to chats, and how their models are set."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.events.base import ChatId, Event, EventId, Title
from shared.events.replies import AgentName

ChatType = Annotated[str, StringConstraints(min_length=1, max_length=64)]
SecondPrompt = Literal["enqueue", "interrupt", "reject"]


class AiContext(BaseModel):
    """How a model is to answer. What is left out is left to the session, and then to the operator.

    `on_second_prompt`: what to do where an answer is still being written in the chat: write the next one after it
    (`enqueue`), end it with what it has (`interrupt`), or refuse the prompt (`reject`).
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    system_prompt: Annotated[str, StringConstraints(max_length=16_384)] | None = None
    agent: AgentName | None = None
    on_second_prompt: SecondPrompt | None = None


class ChatCreated(Event):
    """A further chat was opened inside the session."""

    TYPE: ClassVar[str] = "chat.created.v1"
    chat_id: ChatId
    name: Title = ""
    chat_type: ChatType = "discussion"


class ChatRenamed(Event):
    """A chat has another name."""

    TYPE: ClassVar[str] = "chat.renamed.v1"
    chat_id: ChatId
    name: Title


class ChatActivated(Event):
    """Messages that name no chat go to this one from here on."""

    TYPE: ClassVar[str] = "chat.activated.v1"
    chat_id: ChatId


class ChatConfigured(Event):
    """A chat's model settings, all of them: those before do not count any more."""

    TYPE: ClassVar[str] = "chat.configured.v1"
    chat_id: ChatId
    ai_context: AiContext


class SessionConfigured(Event):
    """The model settings of every chat that has none of its own, all of them."""

    TYPE: ClassVar[str] = "session.configured.v1"
    ai_context: AiContext


class AgentSwitched(Event):
    """Another agent answers in a chat from here on. Handed over by an agent, `reply_id` is the reply it did that in."""

    TYPE: ClassVar[str] = "agent.switched.v1"
    chat_id: ChatId
    agent: AgentName
    previous: str = ""
    reason: Annotated[str, StringConstraints(max_length=1000)] = ""
    metadata: dict[str, Any] = {}
    reply_id: EventId | None = None
