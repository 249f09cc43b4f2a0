"""Sessions with chats inside, in snake case.

`chat_sessions(id, session_name, status ...)`, `chats(id, session_id, chat_type, ai_context ...)` and
`chat_messages(session_id, chat_id?, sender_type, content, ai_model_used, tokens_used ...)`; chats are optional.
"""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, select

from services.ops import errors
from services.ops.importing.old import Broken, OldChat, OldMessage, OldSession, Status
from services.ops.importing.sources.database import Database, decoded, is_key, is_stray, moment, words
from services.ops.importing.sources.json_texts import ROLES

MAX_TOKENS = 2**31 - 1
STATUSES: dict[str, Status] = {"archived": "archived", "closed": "archived", "deleted": "deleted"}


class Threads:
    """One reader for the three tables. Columns that several systems name differently are found by any of the names."""

    name = "threads"

    def __init__(self, database: Database, owner: str | None) -> None:
        self._database = database
        self._sessions, self._messages = database.table("chat_sessions"), database.table("chat_messages")
        self._owner = owner
        self._has_chats = bool(database.columns("chats"))

    async def sessions(self) -> AsyncGenerator[OldSession | Broken]:
        """Every session with its chats; without any, it gets the main one."""
        table = self._sessions
        key_of = _column(table, "id", "session_id")
        async for row in self._database.rows(select(table).order_by(key_of)):
            key = str(row[key_of.name])
            try:
                began = moment(_first(row, "created_at", "updated_at"))
                ended = _first(row, "deleted_at", "archived_at", "updated_at")
                ended_at = moment(ended) if ended else None
            except ValueError:
                yield Broken("chat_sessions", key, "created_at is no time")
                continue
            chats: list[OldChat] = []
            async for chat in self._chats(key, began):
                if isinstance(chat, Broken):
                    yield chat
                else:
                    chats.append(chat)
            user = _first(row, "user_id", "owner_id", "created_by")
            owner = str(user) if user is not None else self._owner
            status = STATUSES.get(str(row.get("status") or "").lower(), "active")
            title = str(_first(row, "session_name", "title", "name") or "")
            yield OldSession(key, began, owner, title, status=status, ended_at=ended_at, chats=tuple(chats))

    async def count(self) -> int | None:
        """The rows of the table."""
        return await self._database.count(self._messages)

    async def strays(self) -> AsyncGenerator[Broken]:
        """Messages whose session is not there, or, where messages name none, whose chat is not."""
        table, owner = self._messages, _column(self._sessions, "id", "session_id")
        key_of, named = _column(table, "id", "message_id"), "session_id"
        if named not in table.c:
            named, owner = "chat_id", _column(self._database.table("chats"), "id", "chat_id")
        query = select(key_of, table.c[named]).where(is_stray(table.c[named], owner))
        async for row in self._database.rows(query):
            yield Broken("chat_messages", str(row[key_of.name]), f"there is no {named[:-3]} {row[named]}")

    async def messages(self, session: OldSession) -> AsyncGenerator[OldMessage | Broken]:
        """By time, then by key. Without a session column they are found by the session's chats."""
        table = self._messages
        key_of, at_of = _column(table, "id", "message_id"), _column(table, "created_at", "timestamp", "sent_at")
        if "session_id" in table.c:
            own = is_key(table.c.session_id, session.key)
        else:
            chats = self._database.table("chats")
            mine = select(_column(chats, "id", "chat_id")).where(is_key(chats.c.session_id, session.key))
            own = table.c.chat_id.in_(mine)
        async for row in self._database.rows(select(table).where(own).order_by(at_of, key_of)):
            yield _message(str(row[key_of.name]), row, row[at_of.name], session)

    async def _chats(self, session_key: str, began: datetime) -> AsyncGenerator[OldChat | Broken]:
        if not self._has_chats:
            return
        table = self._database.table("chats")
        key_of = _column(table, "id", "chat_id")
        query = select(table).where(is_key(_column(table, "session_id"), session_key)).order_by(key_of)
        async for row in self._database.rows(query):
            key = str(row[key_of.name])
            try:
                stamp, context = _first(row, "created_at"), decoded(row.get("ai_context")) or {}
                at = moment(stamp) if stamp else began
            except ValueError as error:
                yield Broken("chats", key, str(error))
                at, context = began, {}
            name = str(_first(row, "name", "chat_name", "title") or "")
            kind = str(row.get("chat_type") or "discussion")
            yield OldChat(key, at, name, kind, context if isinstance(context, dict) else {})


def _message(key: str, row: dict[str, Any], stamp: Any, session: OldSession) -> OldMessage | Broken:
    sender = str(_first(row, "sender_type", "role") or "").lower()
    role = ROLES.get(sender)
    if role is None:
        return Broken("chat_messages", key, f"sender_type {sender!r} is not known")
    chat_key = str(row.get("chat_id") or "")
    if chat_key and chat_key not in {chat.key for chat in session.chats}:
        return Broken("chat_messages", key, f"its chat {chat_key} is not one of the session's")
    try:
        at, metadata = moment(stamp), decoded(row.get("metadata"))
        tokens = int(row.get("tokens_used") or 0)
    except (ValueError, TypeError, OverflowError) as error:
        return Broken("chat_messages", key, str(error))
    if tokens > MAX_TOKENS:
        return Broken("chat_messages", key, f"tokens_used {tokens} is no number of tokens")
    model = str(row.get("ai_model_used") or "")
    named = _first(row, "sender_id", "user_id")
    author = str(named) if named is not None else model or "assistant" if role == "assistant" else ""
    known = metadata if isinstance(metadata, dict) else {"metadata": metadata} if metadata is not None else {}
    author_name = str(row.get("sender_name") or "")
    return OldMessage(
        key, at, role, words(row.get("content")), author, author_name, chat_key, model, max(tokens, 0), known
    )


def _column(table: Table, *names: str) -> Column[Any]:
    found = next((table.c[name] for name in names if name in table.c), None)
    if found is None:
        raise errors.BadImport(reason=f"{table.name} has none of the columns {', '.join(names)}")
    return found


def _first(row: dict[str, Any], *names: str) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)
