"""Normalised sessions that belong to an instance or place.

`ChatSessions(Id, UserId nullable, InstanceId, Title, CreatedAt, LastMessageAt)` and `ChatMessages(SessionId, Author,
Content, MessageType, CreatedAt, Metadata)`; MessageType 0 is a user, 1 the system, 2 an agent.
"""

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import select

from services.ops.importing.old import Broken, OldMessage, OldRole, OldSession
from services.ops.importing.sources.database import Database, decoded, is_key, moment

TYPES: dict[int, OldRole] = {0: "user", 1: "system", 2: "assistant"}


class Instances:
    """One reader for both tables."""

    name = "instances"

    def __init__(self, database: Database, owner: str | None) -> None:
        self._database = database
        self._sessions, self._messages = database.table("ChatSessions"), database.table("ChatMessages")
        self._owner = owner

    async def sessions(self) -> AsyncIterator[OldSession | Broken]:
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
            yield OldSession(key, began, owner, str(row["Title"] or ""), str(row["InstanceId"] or ""))

    async def messages(self, session: OldSession) -> AsyncIterator[OldMessage | Broken]:
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
    author = str(row["Author"] or "")
    actor = session.owner if role == "user" and session.owner else author
    known = metadata if isinstance(metadata, dict) else {"metadata": metadata} if metadata is not None else {}
    return OldMessage(key, at, role, str(row["Content"] or ""), actor or "", author, metadata=known)
