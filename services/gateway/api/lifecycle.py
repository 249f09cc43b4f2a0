"""Sessions left, put away, deleted and brought back over HTTP."""

from fastapi import APIRouter, Response

from services.gateway.api.calls import ByCaller, CommandId, InGateway, Traceparent, write
from services.gateway.api.sessions import PathId

router = APIRouter(prefix="/api/sessions/{session_id}", tags=["sessions"])


@router.post("/leave")
async def leave(
    gateway: InGateway, caller: ByCaller, key: CommandId, session_id: PathId, traceparent: Traceparent = ""
) -> Response:
    """One is no participant any more; open sockets and streams end."""
    data = {"id": key, "session_id": session_id}
    return await write(gateway, caller, "session.leave", data, traceparent, status=200)


@router.delete("")
async def delete(
    gateway: InGateway, caller: ByCaller, key: CommandId, session_id: PathId, traceparent: Traceparent = ""
) -> Response:
    """Nobody writes into the session any more, and no list shows it; `restore` takes that back."""
    data = {"id": key, "session_id": session_id}
    return await write(gateway, caller, "session.delete", data, traceparent, status=200)


@router.post("/restore")
async def restore(
    gateway: InGateway, caller: ByCaller, key: CommandId, session_id: PathId, traceparent: Traceparent = ""
) -> Response:
    """A deleted session is as it was."""
    data = {"id": key, "session_id": session_id}
    return await write(gateway, caller, "session.restore", data, traceparent, status=200)


@router.post("/archive")
async def archive(
    gateway: InGateway, caller: ByCaller, key: CommandId, session_id: PathId, traceparent: Traceparent = ""
) -> Response:
    """The session is listed with `include_archived` only."""
    data = {"id": key, "session_id": session_id}
    return await write(gateway, caller, "session.archive", data, traceparent, status=200)


@router.post("/unarchive")
async def unarchive(
    gateway: InGateway, caller: ByCaller, key: CommandId, session_id: PathId, traceparent: Traceparent = ""
) -> Response:
    """The session is back in the list."""
    data = {"id": key, "session_id": session_id}
    return await write(gateway, caller, "session.unarchive", data, traceparent, status=200)
