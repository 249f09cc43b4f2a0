"""Chats as resources."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from services.gateway.access import readable
from services.gateway.api import answers
from services.gateway.api.calls import ByCaller, CommandId, InGateway, Traceparent, read, respond, write
from services.gateway.api.places import InChat
from services.gateway.api.sessions import PathId
from shared.events import AiContext
from shared.events.base import ChatId

router = APIRouter(prefix="/api", tags=["chats"])


class NewChat(BaseModel):
    """A further chat. `unique_type`: the one of its type, if there is one already."""

    name: str = ""
    chat_type: str = "discussion"
    unique_type: bool = False


class ChatChoice(BaseModel):
    """One of the session's chats."""

    chat_id: ChatId


class NewName(BaseModel):
    """How a chat is to be called."""

    name: str


class AgentChoice(BaseModel):
    """Who is to answer from here on."""

    agent: str
    reason: Annotated[str, Field(max_length=1000)] = ""


@router.get("/sessions/{session_id}/chats", response_model=answers.Chats)
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


@router.get("/sessions/{session_id}/active-chat", response_model=answers.ActiveChat)
async def active(gateway: InGateway, caller: ByCaller, session_id: PathId) -> Response:
    """The chat that is meant where none is named."""
    async with readable(gateway, session_id, caller.identity) as feed:
        state = feed.state
    chat = state.chats[state.active_chat]
    facts = {"chat_id": chat.chat_id, "name": chat.name, "chat_type": chat.chat_type, "agent": chat.agent or None}
    return respond({**facts, "at": state.seq})


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


@router.patch("/chats/{chat_id}")
async def rename(
    gateway: InGateway, caller: ByCaller, key: CommandId, place: InChat, body: NewName, traceparent: Traceparent = ""
) -> Response:
    """Another name for a chat."""
    return await write(gateway, caller, "chat.rename", place | {"id": key, "name": body.name}, traceparent, status=200)


@router.put("/chats/{chat_id}/ai-context")
async def configure(
    gateway: InGateway, caller: ByCaller, key: CommandId, place: InChat, body: AiContext, traceparent: Traceparent = ""
) -> Response:
    """How the model answers in this chat: all of it, in place of what was set before."""
    data = place | {"id": key, "ai_context": body.model_dump(exclude_none=True)}
    return await write(gateway, caller, "chat.configure", data, traceparent, status=200)


@router.post("/chats/{chat_id}/agent")
async def switch_agent(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    place: InChat,
    body: AgentChoice,
    traceparent: Traceparent = "",
) -> Response:
    """Another agent answers in this chat."""
    data = place | {"id": key, **body.model_dump()}
    return await write(gateway, caller, "agent.switch", data, traceparent, status=200)
