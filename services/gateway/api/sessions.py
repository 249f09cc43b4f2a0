"""Sessions as resources."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from services.gateway import awareness
from services.gateway.access import readable
from services.gateway.api import answers
from services.gateway.api.calls import ByCaller, CommandId, InGateway, Traceparent, read, respond, write
from services.gateway.snapshot import snapshot
from shared.events import AiContext, Track
from shared.events.base import SessionId

router = APIRouter(prefix="/api/sessions", tags=["sessions"])

PathId = Annotated[SessionId, Path(description="Session id")]


class NewSession(BaseModel):
    """All of it may be left out. `kind` is `track` where there is a track: then its planning chat is opened at once."""

    session_id: str | None = None
    title: str = ""
    kind: Literal["chat", "track"] = "chat"
    project: str = ""
    track: Track | None = None


class KeyedSession(BaseModel):
    """`key`: the instance or place that the session belongs to. The rest counts only if it is made now."""

    key: str
    title: str = ""
    project: str = ""


class Rename(BaseModel):
    """The new title."""

    title: str


class NewInvite(BaseModel):
    """For whom, and for how long (seconds)."""

    role: str = "member"
    ttl_s: int | None = None


class Join(BaseModel):
    """The invitation's token."""

    invite: str


@router.post("", status_code=201)
async def create(
    gateway: InGateway, caller: ByCaller, key: CommandId, body: NewSession | None = None, traceparent: Traceparent = ""
) -> Response:
    """A new session with its first chat."""
    data = body.model_dump(exclude_none=True) if body else {}
    return await write(gateway, caller, "session.create", {**data, "id": key}, traceparent)


@router.post("/get-or-create", status_code=201)
async def get_or_create(
    gateway: InGateway, caller: ByCaller, key: CommandId, body: KeyedSession, traceparent: Traceparent = ""
) -> Response:
    """One's session for a key, the same for all calls."""
    return await write(gateway, caller, "session.get_or_create", {**body.model_dump(), "id": key}, traceparent)


class SessionFilter(BaseModel):
    """Which sessions are listed, the latest first."""

    query: str | None = Field(None, description="Words in title or messages")
    kind: Literal["chat", "track"] | None = None
    project: str | None = None
    cursor: str | None = Field(None, description="From the page before")
    limit: int = Field(50, ge=1, le=200)
    include_archived: bool = False
    with_chats: bool = Field(False, description="With the chats of each")
    user: str | None = Field(None, description="Whose; for operators")


@router.get("", response_model=answers.SessionPage)
async def index(gateway: InGateway, caller: ByCaller, given: Annotated[SessionFilter, Query()]) -> Response:
    """A page of one's sessions."""
    return await read(gateway, caller, "session.list", given.model_dump())


@router.post("/join", status_code=201)
async def join(
    gateway: InGateway, caller: ByCaller, key: CommandId, body: Join, traceparent: Traceparent = ""
) -> Response:
    """Enters the session of an invitation."""
    return await write(gateway, caller, "session.join", {"id": key, "invite": body.invite}, traceparent)


@router.head("/{session_id}")
async def exists(gateway: InGateway, caller: ByCaller, session_id: PathId) -> Response:
    """200 for a participant, 404 otherwise."""
    async with readable(gateway, session_id, caller.identity):
        return Response(media_type="application/json")


@router.get("/{session_id}", response_model=answers.Snapshot)
async def show(gateway: InGateway, caller: ByCaller, session_id: PathId) -> Response:
    """The snapshot that a subscriber gets, with its position (`at`) and `epoch`."""
    async with readable(gateway, session_id, caller.identity) as feed:
        _, found = await snapshot(feed, gateway.sessions.snapshots)
        said = await awareness.known(gateway, session_id)
        return respond({**found, "awareness": said, "running": feed.running(), "epoch": gateway.sessions.epoch})


@router.patch("/{session_id}")
async def rename(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    session_id: PathId,
    body: Rename,
    traceparent: Traceparent = "",
) -> Response:
    """Another title."""
    data = {"id": key, "session_id": session_id, "title": body.title}
    return await write(gateway, caller, "session.rename", data, traceparent, status=200)


@router.put("/{session_id}/ai-context")
async def configure(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    session_id: PathId,
    body: AiContext,
    traceparent: Traceparent = "",
) -> Response:
    """How the model answers in chats that do not say: all of it, in place of what was set before."""
    data = {"id": key, "session_id": session_id, "ai_context": body.model_dump(exclude_none=True)}
    return await write(gateway, caller, "session.configure", data, traceparent, status=200)


@router.post("/{session_id}/invites", status_code=201)
async def invite(
    gateway: InGateway,
    caller: ByCaller,
    key: CommandId,
    session_id: PathId,
    body: NewInvite | None = None,
    traceparent: Traceparent = "",
) -> Response:
    """An invitation; its token is `invite`."""
    data: dict[str, Any] = body.model_dump(exclude_none=True) if body else {}
    return await write(gateway, caller, "session.invite", {**data, "id": key, "session_id": session_id}, traceparent)
