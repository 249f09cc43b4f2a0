"""Sessions as resources."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from services.gateway import awareness, pages
from services.gateway.access import readable
from services.gateway.api.calls import ByCaller, CommandId, InGateway, Traceparent, read, respond, write
from services.gateway.snapshot import snapshot
from shared.events.base import SessionId

router = APIRouter(prefix="/api/sessions", tags=["sessions"])

PathId = Annotated[SessionId, Path(description="Session id")]


class NewSession(BaseModel):
    """All of it may be left out."""

    session_id: str | None = None
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


@router.get("")
async def index(
    gateway: InGateway,
    caller: ByCaller,
    cursor: str | None = None,
    limit: int | None = None,
    include_archived: bool = False,
) -> Response:
    """A page of one's sessions, the latest first."""
    return await read(
        gateway, caller, "session.list", {"cursor": cursor, "limit": limit, "include_archived": include_archived}
    )


@router.post("/join", status_code=201)
async def join(
    gateway: InGateway, caller: ByCaller, key: CommandId, body: Join, traceparent: Traceparent = ""
) -> Response:
    """Enters the session of an invitation."""
    return await write(gateway, caller, "session.join", {"id": key, "invite": body.invite}, traceparent)


@router.head("/{session_id}", include_in_schema=False)
async def exists(gateway: InGateway, caller: ByCaller, session_id: PathId) -> Response:
    """200 for a participant, 404 otherwise."""
    async with readable(gateway, session_id, caller.identity):
        return Response(media_type="application/json")


@router.get("/{session_id}")
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


@router.get("/{session_id}/events")
async def events(
    gateway: InGateway,
    caller: ByCaller,
    session_id: PathId,
    after: Annotated[int, Query(ge=0, description="Exclusive; the last `offset` one has")] = 0,
    limit: Annotated[int, Query(ge=1, le=pages.MAX_EVENTS)] = 100,
    epoch: str = "",
) -> Response:
    """Consecutive events: `{events: [{data, offset, tags}], offset, epoch, more}`."""
    page = await pages.page(gateway, session_id, caller.identity, (after, epoch), limit, reverse=False)
    found = [orjson.Fragment(publication) for publication in page.publications]
    return respond({"events": found, "offset": page.offset, "epoch": page.epoch, "more": page.more})
