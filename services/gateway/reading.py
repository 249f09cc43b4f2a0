"""The methods that read. Access is decided by the session's own events; rows come from the projector."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from services.gateway.access import answerable_for, readable
from services.gateway.context import Caller, Gateway
from services.gateway.publication import MAX_OFFSET
from services.gateway.requests import Params, parse
from services.gateway.writing import located
from shared import errors
from shared.events.base import ChatId, SessionId, UserId
from shared.events.objects import ObjectId

PROJECTOR = "projector"
PAGE = 50
MAX_PAGE = 200

Limit = Annotated[int, Field(ge=1, le=MAX_PAGE)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SessionRequest(Params):
    """What is asked of one session."""

    session_id: SessionId


class SessionListRequest(Params):
    """`query`: words in title or messages. `cursor` comes from the page before. `user`: whose, for operators."""

    query: Words | None = None
    kind: Literal["chat", "track"] | None = None
    project: Words | None = None
    cursor: Words | None = None
    limit: Limit = PAGE
    include_archived: bool = False
    with_chats: bool = False
    user: UserId | None = None


class ChatHistoryRequest(SessionRequest):
    """A page of messages before or after a seq; the newest without either. Of the active chat unless one is named."""

    chat_id: ChatId | None = None
    before: int | None = Field(None, ge=1, le=MAX_OFFSET)
    after: int | None = Field(None, ge=0, le=MAX_OFFSET)
    limit: Limit = PAGE

    @model_validator(mode="after")
    def _one_direction(self) -> "ChatHistoryRequest":
        if self.before is not None and self.after is not None:
            raise ValueError("before and after exclude each other")
        return self


class ObjectListRequest(SessionRequest):
    """`cursor` comes from the page before."""

    cursor: ObjectId | None = None
    limit: Limit = PAGE


async def session_exists(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """Whether there is such a session for this user."""
    request = parse(SessionRequest, data)
    try:
        async with readable(gateway, request.session_id, caller.identity):
            return {"exists": True}
    except errors.NotFound:
        return {"exists": False}


async def session_list(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """A page of the user's sessions, the latest first."""
    request = parse(SessionListRequest, data)
    user = answerable_for(caller.identity, request.user)
    question = {**request.model_dump(exclude_none=True), "user": user}
    answer: dict[str, Any] = await gateway.queries.ask(PROJECTOR, "sessions", question)
    return answer


async def chat_list(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """The chats of a session, in the order in which they were opened."""
    request = parse(SessionRequest, data)
    async with readable(gateway, request.session_id, caller.identity) as feed:
        state = feed.state
    chats = [
        {"chat_id": chat.chat_id, "name": chat.name, "chat_type": chat.chat_type, "agent": chat.agent or None}
        for chat in state.chats.values()
    ]
    return {"chats": chats, "active_chat": state.active_chat, "at": state.seq}


async def chat_history(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """A page of a chat's messages."""
    request = parse(ChatHistoryRequest, await located(gateway, caller, data))
    async with readable(gateway, request.session_id, caller.identity) as feed:
        chat_id = request.chat_id or feed.state.active_chat
        if chat_id not in feed.state.chats:
            raise errors.NotFound("chat")
        question = {**request.model_dump(exclude_none=True), "chat_id": chat_id, "min_seq": feed.last}
    answer: dict[str, Any] = await gateway.queries.ask(PROJECTOR, "chat_history", question)
    return answer


async def object_list(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """A page of the shared objects of a session, each with the last operation on it."""
    request = parse(ObjectListRequest, data)
    async with readable(gateway, request.session_id, caller.identity) as feed:
        question = {**request.model_dump(exclude_none=True), "min_seq": feed.last}
    answer: dict[str, Any] = await gateway.queries.ask(PROJECTOR, "objects", question)
    return answer
