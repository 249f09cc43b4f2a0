"""Replies that are asked for without saying anything, and their end."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from services.gateway.api.calls import ByCaller, CommandId, InGateway, Traceparent, write
from services.gateway.api.places import InChat, KnownSession
from shared.events.base import EventId

router = APIRouter(prefix="/api", tags=["replies"])

ReplyPath = Annotated[EventId, Path(description="Reply id")]


class NewReply(BaseModel):
    """To a user's message, or another one beside the assistant's; without `message_id`, an opening of the chat."""

    message_id: EventId | None = None
    agent: str | None = None


@router.post("/chats/{chat_id}/replies", status_code=201)
async def request(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    place: InChat,
    body: NewReply | None = None,
    traceparent: Traceparent = "",
) -> Response:
    """An answer is asked for; it comes as events of the session, under `reply_id`."""
    data = place | {"id": key, **(body.model_dump() if body else {})}
    return await write(gateway, caller, "reply.request", data, traceparent)


@router.post("/chats/{chat_id}/welcome", status_code=201)
async def welcome(
    gateway: InGateway, caller: ByCaller, key: CommandId, place: InChat, traceparent: Traceparent = ""
) -> Response:
    """The chat's agent is asked to open the conversation."""
    return await write(gateway, caller, "reply.request", place | {"id": key}, traceparent)


@router.post("/chats/{chat_id}/finalize", status_code=201)
async def finalize(
    gateway: InGateway, caller: ByCaller, key: CommandId, place: InChat, traceparent: Traceparent = ""
) -> Response:
    """The structured plan of a planning chat is asked for; it comes as `plan.finalized`."""
    return await write(gateway, caller, "plan.finalize", place | {"id": key}, traceparent)


@router.post("/replies/{reply_id}/cancel")
async def cancel(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    reply_id: ReplyPath,
    session_id: KnownSession = None,
    traceparent: Traceparent = "",
) -> Response:
    """No more of a reply: it ends with what it has said so far."""
    where = {"session_id": session_id} if session_id else {}
    return await write(
        gateway, caller, "reply.cancel", {**where, "id": key, "reply_id": reply_id}, traceparent, status=200
    )
