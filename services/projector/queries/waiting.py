"""What somebody still waits for."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.projector import requests
from services.projector.tables import replies
from shared.fold import shapes


async def open_replies(connection: AsyncConnection, request: requests.OpenReplies, _at: int) -> dict[str, Any]:
    """`{replies}`: what was asked for and has not ended, the oldest first."""
    asked_before = datetime.now(UTC) - timedelta(seconds=request.older_than_s)
    query = (
        select(replies)
        .where(replies.c.status.in_(("requested", "running")), replies.c.requested_at <= asked_before)
        .order_by(replies.c.requested_seq)
        .limit(request.limit)
    )
    return {"replies": [shapes.reply(row) for row in (await connection.execute(query)).mappings()]}
