"""What is told about sessions, and what they took."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.gateway.api import answers, reports
from services.gateway.api.calls import ByCaller, InGateway, read
from services.gateway.api.sessions import PathId

router = APIRouter(prefix="/api", tags=["insights"])

Since = Annotated[str | None, Query(description="RFC 3339 with its zone; inclusive")]
Until = Annotated[str | None, Query(description="RFC 3339 with its zone; exclusive")]


@router.get("/sessions/{session_id}/stats", response_model=reports.Stats)
async def stats(gateway: InGateway, caller: ByCaller, session_id: PathId) -> Response:
    """How much was said, by whom, and what it took."""
    return await read(gateway, caller, "session.stats", {"session_id": session_id})


@router.get("/sessions/{session_id}/timeline", response_model=reports.Timeline)
async def timeline(
    gateway: InGateway,
    caller: ByCaller,
    session_id: PathId,
    after: Annotated[int, Query(ge=0, description="Exclusive seq")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Which agent took over when, and why."""
    data = {"session_id": session_id, "after": after, "limit": limit}
    return await read(gateway, caller, "session.timeline", data)


@router.get("/sessions/{session_id}/at", response_model=answers.Past)
async def at(
    gateway: InGateway,
    caller: ByCaller,
    session_id: PathId,
    seq: Annotated[int | None, Query(ge=1, description="A position")] = None,
    time: Annotated[str | None, Query(description="Or a moment: RFC 3339 with its zone")] = None,
    chat_id: Annotated[str | None, Query(description="Whose messages; the chat's that was active")] = None,
) -> Response:
    """The session as it was: the snapshot that a participant would have got then."""
    data = {"session_id": session_id, "chat_id": chat_id, "seq": seq, "time": time}
    return await read(gateway, caller, "session.at", data)


@router.get("/usage", response_model=reports.UsageReport)
async def usage(
    gateway: InGateway,
    caller: ByCaller,
    by: Annotated[str, Query(description="chat, chat_type, model, user or day")] = "day",
    user: Annotated[
        str | None, Query(description="Whose; anybody's for operators, everybody's if they leave it out")
    ] = None,
    session_id: Annotated[str | None, Query(description="Of one session alone")] = None,
    since: Since = None,
    until: Until = None,
) -> Response:
    """Replies, tokens and cost, grouped."""
    data = {"by": by, "user": user, "session_id": session_id, "since": since, "until": until}
    return await read(gateway, caller, "usage.get", data)


@router.get("/analytics/planning", response_model=reports.Planning)
async def planning(gateway: InGateway, caller: ByCaller, since: Since = None, until: Until = None) -> Response:
    """How planning goes, over everybody's planning chats; for operators."""
    return await read(gateway, caller, "analytics.planning", {"since": since, "until": until})
