"""A session's events, page by page, with the cursor of every other way to read them; a page may be waited for."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from services.gateway import pages
from services.gateway.api import reports
from services.gateway.api.calls import ByCaller, InGateway, respond
from services.gateway.api.sessions import PathId
from services.gateway.awaiting import MAX_WAIT_S, page_when_there
from services.gateway.publication import MAX_OFFSET

router = APIRouter(prefix="/api/sessions", tags=["sessions"])


@router.get("/{session_id}/events", response_model=reports.EventPage)
async def events(
    request: Request,
    gateway: InGateway,
    caller: ByCaller,
    session_id: PathId,
    after: Annotated[int, Query(ge=0, le=MAX_OFFSET, description="Exclusive; the last `offset` one has")] = 0,
    limit: Annotated[int, Query(ge=1, le=pages.MAX_EVENTS)] = 100,
    epoch: Annotated[str, Query(description="The log that `after` belongs to, if known")] = "",
    wait_s: Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="How long to wait for an event")] = 0,
) -> Response:
    """Consecutive events: `{events: [{data, offset, tags}], offset, epoch, more}`.

    With `wait_s` an answer without events comes only if there was none for so long.
    """
    page = await page_when_there(
        gateway, session_id, caller.identity, (after, epoch), limit, wait_s, request.app.state.streams
    )
    found = [orjson.Fragment(publication) for publication in page.publications]
    return respond({"events": found, "offset": page.offset, "epoch": page.epoch, "more": page.more})
