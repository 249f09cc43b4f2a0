"""Messages as resources of their chat."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from services.gateway.api import answers, reports
from services.gateway.api.calls import ByCaller, CommandId, InGateway, Traceparent, read, write
from services.gateway.api.places import ChatPath, InChat, KnownSession
from shared.events.base import EventId, SessionId

router = APIRouter(prefix="/api/chats/{chat_id}/messages", tags=["messages"])

MessagePath = Annotated[EventId, Path(description="Message id")]
Expected = Annotated[int | None, Query(ge=0, description="The seq at which it last changed; if it did since: 409")]


class NewMessage(BaseModel):
    """A message of the caller. `reply`: ask the chat's agent to answer, or the agent of this name."""

    session_id: SessionId | None = None
    content: str
    metadata: dict[str, Any] = {}
    parent: str | None = None
    reply: bool | str = False


class NewContent(BaseModel):
    """What a message is to say. `metadata` stays as it is where it is left out."""

    content: str
    metadata: dict[str, Any] | None = None


@router.get("", response_model=answers.MessagePage)
async def index(
    gateway: InGateway,
    caller: ByCaller,
    place: InChat,
    before: Annotated[int | None, Query(ge=1, description="Exclusive seq")] = None,
    after: Annotated[int | None, Query(ge=0, description="Exclusive seq")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """A page of messages; the newest without `before` and `after`."""
    return await read(gateway, caller, "chat.history", place | {"before": before, "after": after, "limit": limit})


@router.post("", status_code=201)
async def send(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    chat_id: ChatPath,
    body: NewMessage,
    session_id: KnownSession = None,
    expected_seq: Annotated[int | None, Query(ge=0, description="The session's last seq; if it moved on: 409")] = None,
    traceparent: Traceparent = "",
) -> Response:
    """Posts a message."""
    where = body.session_id or session_id or await gateway.places.of_chat(caller.identity.user, chat_id)
    data = {**body.model_dump(exclude_none=True), "id": key, "session_id": where, "chat_id": chat_id}
    data["expected_seq"] = expected_seq
    return await write(gateway, caller, "message.send", data, traceparent)


@router.patch("/{message_id}")
async def edit(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    place: InChat,
    message_id: MessagePath,
    body: NewContent,
    expected_seq: Expected = None,
    traceparent: Traceparent = "",
) -> Response:
    """One's own message says something else."""
    given = {"id": key, "message_id": message_id, "expected_seq": expected_seq, **body.model_dump(exclude_none=True)}
    return await write(gateway, caller, "message.edit", place | given, traceparent, status=200)


@router.delete("/{message_id}")
async def redact(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    place: InChat,
    message_id: MessagePath,
    expected_seq: Expected = None,
    traceparent: Traceparent = "",
) -> Response:
    """The message stays in its place and says nothing any more."""
    data = place | {"id": key, "message_id": message_id, "expected_seq": expected_seq}
    return await write(gateway, caller, "message.redact", data, traceparent, status=200)


@router.get("/{message_id}/revisions", response_model=reports.Revisions)
async def revisions(gateway: InGateway, caller: ByCaller, place: InChat, message_id: MessagePath) -> Response:
    """What the message has said, from the first version to the present one."""
    return await read(gateway, caller, "message.revisions", place | {"message_id": message_id})
