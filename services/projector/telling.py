"""Who is told that their list of sessions changed: at once after a quiet time, at most every half second in a busy one.

A notice says only that there is something to look at, so what comes in between is one notice. A room of two hundred
would otherwise get two hundred notices for each of its messages, which is as much as the messages themselves.
"""

import asyncio

import nats.errors
import orjson
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.projector import tables
from services.projector.projection import Folded
from shared import subjects
from shared.bus.client import QuickClient
from shared.logging import get_logger

log = get_logger("telling")

APART_S = 0.5


class Telling:
    """Notices of one projection. They are only notices: who misses one sees the change when looking next."""

    def __init__(self, client: QuickClient, engine: AsyncEngine) -> None:
        self._client = client
        self._engine = engine
        self._changed: dict[str, int] = {}
        self._told: dict[tuple[str, str], int] = {}
        self._noted = asyncio.Event()

    def note(self, folded: Folded) -> None:
        """The page's changes will be told of."""
        self._changed.update(folded.changed)
        self._told.update(folded.told)
        if self._changed or self._told:
            self._noted.set()

    async def run(self) -> None:
        """Tells until cancelled."""
        while True:
            await self._noted.wait()
            self._noted.clear()
            changed, self._changed = self._changed, {}
            told, self._told = self._told, {}
            try:
                self._tell(await self._members(changed) | told)
            except (nats.errors.Error, SQLAlchemyError, OSError) as error:
                log.info("notices_not_sent", error=repr(error))
            await asyncio.sleep(APART_S)

    async def _members(self, changed: dict[str, int]) -> dict[tuple[str, str], int]:
        """Everybody whose list holds one of the sessions, with the position of its last change."""
        if not changed:
            return {}
        people = tables.participants.c
        query = select(people.user_id, people.session_id).where(people.session_id.in_(changed))
        async with self._engine.connect() as connection:
            return {(user, session): changed[session] for user, session in (await connection.execute(query)).all()}

    def _tell(self, told: dict[tuple[str, str], int]) -> None:
        for (user, session_id), seq in told.items():
            notice = {"type": "sessions.changed", "session_id": session_id, "seq": seq}
            self._client.put(subjects.notice(subjects.user_token(user)), orjson.dumps(notice))
