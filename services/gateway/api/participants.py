"""The people of a session as resources."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from services.gateway.access import readable
from services.gateway.api import answers
from services.gateway.api.calls import ByCaller, CommandId, InGateway, Traceparent, respond, write
from services.gateway.api.sessions import PathId
from shared.events.base import UserId

router = APIRouter(prefix="/api/sessions/{session_id}/participants", tags=["participants"])

PathUser = Annotated[UserId, Path(description="User id")]


class NewRole(BaseModel):
    """`member` or `viewer`."""

    role: str


@router.get("", response_model=answers.Participants)
async def index(gateway: InGateway, caller: ByCaller, session_id: PathId) -> Response:
    """Who is in the session, in the order in which they came."""
    async with readable(gateway, session_id, caller.identity) as feed:
        state = feed.state
    people = sorted(state.participants.values(), key=lambda person: person.since_seq)
    shown = [{"user": one.user, "name": one.name, "role": one.role, "since_seq": one.since_seq} for one in people]
    return respond({"participants": shown, "at": state.seq})


@router.patch("/{user:path}")
async def set_role(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    session_id: PathId,
    user: PathUser,
    body: NewRole,
    traceparent: Traceparent = "",
) -> Response:
    """Another role for a participant."""
    data = {"id": key, "session_id": session_id, "user": user, "role": body.role}
    return await write(gateway, caller, "session.set_role", data, traceparent, status=200)


@router.delete("/{user:path}")
async def remove(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    session_id: PathId,
    user: PathUser,
    traceparent: Traceparent = "",
) -> Response:
    """A participant less; their open sockets and streams end."""
    data = {"id": key, "session_id": session_id, "user": user}
    return await write(gateway, caller, "session.remove", data, traceparent, status=200)
