"""What the log holds of one user: what they did, what was done to them by name, and what they were answered."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.events import ReplyCancelRequested

_SESSIONS = """
SELECT session_id FROM log.events WHERE actor = :user AND seq <= :up_to GROUP BY session_id ORDER BY min(seq)
"""


async def sessions(engine: AsyncEngine, user: str, up_to: int) -> list[str]:
    """Every session in which they did something, in the order of their first deed."""
    async with engine.connect() as connection:
        found = await connection.execute(text(_SESSIONS), {"user": user, "up_to": up_to})
        return list(found.scalars())


class Mine:
    """Tells which events of one session are the user's; they are shown to it in order."""

    def __init__(self, user: str) -> None:
        self._user = user
        self._replies: set[str] = set()

    def take(self, row: dict[str, Any]) -> bool:
        """Whether this one is. The answer to somebody else's question is not, even if they stopped it."""
        if row.get("duplicate_of") is not None:
            return False
        data = (row.get("body") or {}).get("data") or {}
        if row.get("actor") == self._user:
            if row.get("type") != ReplyCancelRequested.TYPE and (reply_id := data.get("reply_id")):
                self._replies.add(reply_id)
            return True
        return (
            data.get("user") == self._user or data.get("owner") == self._user or data.get("reply_id") in self._replies
        )
