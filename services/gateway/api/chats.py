"""Chats and their messages as resources."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from services.gateway.access import readable
from services.gateway.api.calls import ByCaller, CommandId, InGateway, Traceparent, read, respond, write
from services.gateway.api.sessions import PathId
from shared.events.base import ChatId, SessionId

router = APIRouter(prefix="/api", tags=["chats"])

ChatPath = Annotated[ChatId, Path(description="Chat id")]


class NewChat(BaseModel):
    """A further chat."""

    name: str = ""
    chat_type: str = "discussion"
    unique_type: bool = False


class ChatChoice(BaseModel):
    """One of the session's chats."""

    chat_id: ChatId


class NewMessage(BaseModel):
    """A message of the caller. `reply`: ask the chat's agent to answer."""

    session_id: SessionId
    content: str
    metadata: dict[str, Any] = {}
    parent: str | None = None
    reply: bool = False


@router.get("/sessions/{session_id}/chats")
async def index(gateway: InGateway, caller: ByCaller, session_id: PathId) -> Response:
    """The chats of a session."""
    return await read(gateway, caller, "chat.list", {"session_id": session_id})


@router.post("/sessions/{session_id}/chats", status_code=201)
async def create(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    session_id: PathId,
    body: NewChat | None = None,
    traceparent: Traceparent = "",
) -> Response:
    """A further chat."""
    data = body.model_dump() if body else {}
    return await write(gateway, caller, "chat.create", {**data, "id": key, "session_id": session_id}, traceparent)


@router.get("/sessions/{session_id}/active-chat")
async def active(gateway: InGateway, caller: ByCaller, session_id: PathId) -> Response:
    """The chat that is meant where none is named."""
    async with readable(gateway, session_id, caller.identity) as feed:
        state = feed.state
    chat = state.chats[state.active_chat]
    return respond({"chat_id": chat.chat_id, "name": chat.name, "chat_type": chat.chat_type, "at": state.seq})


@router.post("/sessions/{session_id}/switch-chat")
async def switch(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    session_id: PathId,
    body: ChatChoice,
    traceparent: Traceparent = "",
) -> Response:
    """Another chat is the active one."""
    data = {"id": key, "session_id": session_id, "chat_id": body.chat_id}
    return await write(gateway, caller, "chat.activate", data, traceparent, status=200)


@router.get("/chats/{chat_id}/messages")
async def messages(
    gateway: InGateway,
    caller: ByCaller,
    chat_id: ChatPath,
    session_id: Annotated[SessionId, Query(description="The chat's session")],
    before: Annotated[int | None, Query(ge=1, description="Exclusive seq")] = None,
    after: Annotated[int | None, Query(ge=0, description="Exclusive seq")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """A page of messages; the newest without `before` and `after`."""
    data = {"session_id": session_id, "chat_id": chat_id, "before": before, "after": after, "limit": limit}
    return await read(gateway, caller, "chat.history", data)


@router.post("/chats/{chat_id}/messages", status_code=201)
async def send(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    chat_id: ChatPath,
    body: NewMessage,
    traceparent: Traceparent = "",
) -> Response:
    """Posts a message."""
    data = {**body.model_dump(exclude_none=True), "id": key, "chat_id": chat_id}
    return await write(gateway, caller, "message.send", data, traceparent)
