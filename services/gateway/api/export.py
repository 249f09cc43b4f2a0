"""A session as a document, written while it is read: the same bytes for the same position, on every gateway."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from services.gateway.access import inspectable
from services.gateway.api.calls import ByCaller, InGateway
from services.gateway.api.sessions import PathId
from services.gateway.context import Gateway
from shared import errors, transcript
from shared.bus.appended import appended

router = APIRouter(prefix="/api/sessions", tags=["sessions"])

HISTORY = "history"
PAGE_EVENTS = 200  # what is decoded at once: nobody on this gateway waits longer for it than some milliseconds
CHUNK_CHARACTERS = 32 * 1024
PIECES_A_TURN = 20
PAGE_S = 10.0
LOG_S = 3.0  # a log that stands still for so long is away


@router.get("/{session_id}/export", response_class=StreamingResponse)
async def export(
    gateway: InGateway,
    caller: ByCaller,
    session_id: PathId,
    format_name: Annotated[Literal["json", "jsonl", "md", "html", "csv"], Query(alias="format")] = "json",
    seq: Annotated[int | None, Query(ge=1, description="As of this position; the present one if left out")] = None,
) -> StreamingResponse:
    """The whole session for people or programs, as a file."""
    async with inspectable(gateway, session_id, caller.identity) as feed:
        at = feed.last
    if seq is not None and seq > at:
        raise errors.RuleBroken(f"the session is at seq {at}")
    up_to, into = seq or at, transcript.FORMATS[format_name]()
    await appended(gateway.bus, up_to, lambda: _head(gateway), LOG_S)
    pieces = transcript.write(_pages(gateway, session_id), session_id, up_to, into)
    first = await anext(pieces)  # what can't be read is said now, while there is a status to say it with
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{session_id}-{up_to}.{format_name}"',
        "Content-Security-Policy": "sandbox",
    }
    return StreamingResponse(_all(first, pieces), media_type=into.MEDIA_TYPE, headers=headers)


async def _all(first: str, others: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """In chunks. Everybody else on this gateway has a turn between a few pieces."""
    waiting, size, turn = [first], len(first), 0
    async for piece in others:
        waiting.append(piece)
        size, turn = size + len(piece), turn + 1
        if size >= CHUNK_CHARACTERS:
            yield "".join(waiting).encode()
            waiting, size = [], 0
        if turn % PIECES_A_TURN == 0:
            await asyncio.sleep(0)
    yield "".join(waiting).encode()


async def _head(gateway: Gateway) -> int:
    return int((await gateway.sessions.queries.ask(HISTORY, "head", {}, LOG_S))["seq"])


def _pages(gateway: Gateway, session_id: str) -> transcript.Pages:
    async def page(after: int) -> dict[str, Any]:
        question = {"session_id": session_id, "after": after, "limit": PAGE_EVENTS}
        found: dict[str, Any] = await gateway.sessions.queries.ask(HISTORY, "read", question, PAGE_S)
        return found

    return page
