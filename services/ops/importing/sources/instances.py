"""Normalised sessions that belong to an instance or place.

`ChatSessions(Id, UserId nullable, InstanceId, Title, CreatedAt, LastMessageAt)` and `ChatMessages(SessionId, Author,
Content, MessageType, CreatedAt, Metadata)`; MessageType 0 is a user, 1 the system, 2 an agent.
"""

from collections.abc import AsyncGenerator
from typing import Any

from sqlalchemy import select

from services.ops.importing.old import Broken, OldMessage, OldRole, OldSession
from services.ops.importing.sources.database import Database, decoded, is_key, is_stray, moment, words

TYPES: dict[int, OldRole] = {0: "user", 1: "system", 2: "assistant"}


class Instances:
    """One reader for both tables."""

    name = "instances"

    def __init__(self, database: Database, owner: str | None) -> None:
        self._database = database
        self._sessions, self._messages = database.table("ChatSessions"), database.table("ChatMessages")
        self._owner = owner

    async def sessions(self) -> AsyncGenerator[OldSession | Broken]:
        """Every session; where nobody is named, `--owner` is, else nobody."""
        table = self._sessions
        async for row in self._database.rows(select(table).order_by(table.c.Id)):
            key = str(row["Id"])
            try:
                began = moment(row["CreatedAt"] or row["LastMessageAt"])
            except ValueError:
                yield Broken("ChatSessions", key, f"CreatedAt {row['CreatedAt']!r} is no time")
                continue
            user = row["UserId"]
            owner = str(user) if user is not None else self._owner
            yield OldSession(key, began, owner, words(row["Title"]), words(row["InstanceId"]))

    async def count(self) -> int | None:
        """The rows of the table."""
        return await self._database.count(self._messages)

    async def strays(self) -> AsyncGenerator[Broken]:
        """Messages whose session is not there."""
        table = self._messages
        columns = [table.c.Id, table.c.SessionId] if "Id" in table.c else [table.c.SessionId]
        async for row in self._database.rows(select(*columns).where(is_stray(table.c.SessionId, self._sessions.c.Id))):
            key = str(row.get("Id", row["SessionId"]))
            yield Broken("ChatMessages", key, f"there is no session {row['SessionId']}")

    async def messages(self, session: OldSession) -> AsyncGenerator[OldMessage | Broken]:
        """By time, then by key."""
        table = self._messages
        order = [table.c.CreatedAt, *([table.c.Id] if "Id" in table.c else [])]
        query = select(table).where(is_key(table.c.SessionId, session.key)).order_by(*order)
        number = 0
        async for row in self._database.rows(query):
            number += 1
            yield _message(str(row.get("Id", f"{session.key}[{number}]")), row, session)


def _message(key: str, row: dict[str, Any], session: OldSession) -> OldMessage | Broken:
    role = TYPES.get(row["MessageType"])
    if role is None:
        return Broken("ChatMessages", key, f"MessageType {row['MessageType']!r} is not known")
    try:
        at, metadata = moment(row["CreatedAt"]), decoded(row["Metadata"])
    except ValueError as error:
        return Broken("ChatMessages", key, str(error))
    author = words(row["Author"])
    actor = session.owner if role == "user" and session.owner else author
    known = metadata if isinstance(metadata, dict) else {"metadata": metadata} if metadata is not None else {}
    return OldMessage(key, at, role, words(row["Content"]), actor or "", author, metadata=known)
