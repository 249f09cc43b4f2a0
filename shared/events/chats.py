"""What happens to chats, and how their models are set."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.events.base import ChatId, Event, Title


class AiContext(BaseModel):
    """How a model is to answer. What is left out is left to the session, and then to the operator."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    system_prompt: Annotated[str, StringConstraints(max_length=16_384)] | None = None


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
