"""Sessions with all their messages as JSON in one TEXT column, and agent contexts beside them.

`sessions(session_id, messages, last_activity, created_at)` and `agent_contexts(session_id, current_agent,
agent_history, context_metadata, created_at, last_switch_at, switch_count)`.
"""

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from services.ops.importing.old import Broken, OldMessage, OldRole, OldSession, OldSwitch
from services.ops.importing.sources.database import Database, decoded, is_key, is_stray, moment

ROLES: dict[str, OldRole] = {
    "user": "user", "human": "user", "assistant": "assistant", "ai": "assistant", "agent": "assistant",
    "model": "assistant", "bot": "assistant", "system": "system", "tool": "tool", "function": "tool",
}  # fmt: skip
_STEP = timedelta(milliseconds=1)
_KNOWN = {"role", "type", "sender", "content", "text", "message", "timestamp", "created_at", "time", "id", "agent"}


class JsonTexts:
    """One reader for both tables."""

    name = "json-texts"

    def __init__(self, database: Database, owner: str | None) -> None:
        self._database = database
        self._sessions = database.table("sessions")
        self._owner = owner
        self._contexts = "agent_contexts" if database.columns("agent_contexts") else ""

    async def sessions(self) -> AsyncGenerator[OldSession | Broken]:
        """Every session, with its hand-overs."""
        table = self._sessions
        columns = [table.c.session_id, table.c.created_at, table.c.last_activity]
        async for row in self._database.rows(select(*columns).order_by(table.c.session_id)):
            key = str(row["session_id"])
            try:
                began = moment(row["created_at"] or row["last_activity"])
            except ValueError:
                yield Broken("sessions", key, f"created_at {row['created_at']!r} is no time")
                continue
            try:
                switches = await self._switches(key, began)
            except (ValueError, TypeError, AttributeError) as error:
                yield Broken("agent_contexts", key, f"agent_history: {error}")
                switches = ()
            yield OldSession(key, began, self._owner, switches=switches)

    async def count(self) -> int | None:
        """Not known before the texts are read."""
        return None

    async def strays(self) -> AsyncGenerator[Broken]:
        """Agent contexts whose session is not there."""
        if not self._contexts:
            return
        table = self._database.table(self._contexts)
        query = select(table.c.session_id).where(is_stray(table.c.session_id, self._sessions.c.session_id))
        async for row in self._database.rows(query):
            yield Broken("agent_contexts", str(row["session_id"]), "there is no session of this id")

    async def messages(self, session: OldSession) -> AsyncGenerator[OldMessage | Broken]:
        """The list in the column. Without a time of its own, a message came a millisecond after the one before it."""
        table = self._sessions
        at = session.at
        async for row in self._database.rows(select(table.c.messages).where(is_key(table.c.session_id, session.key))):
            try:
                said = decoded(row["messages"]) or []
            except ValueError as error:
                yield Broken("sessions", session.key, f"messages is no JSON: {error}")
                return
            if not isinstance(said, list):
                yield Broken("sessions", session.key, f"messages is no list but {type(said).__name__}")
                return
            for number, one in enumerate(said):
                found = _message(f"{session.key}[{number}]", one, at + _STEP)
                at = max(at, found.at) if isinstance(found, OldMessage) else at
                yield found

    async def _switches(self, key: str, began: datetime) -> tuple[OldSwitch, ...]:
        if not self._contexts:
            return ()
        table = self._database.table(self._contexts)
        found: list[OldSwitch] = []
        async for row in self._database.rows(select(table).where(is_key(table.c.session_id, key))):
            at, previous = began, ""
            for number, one in enumerate(decoded(row["agent_history"]) or []):
                entry = {"agent": one} if isinstance(one, str) else one
                agent = entry.get("to") or entry.get("to_agent") or entry.get("agent") or entry.get("name")
                if not agent:
                    raise ValueError(f"entry {number} names no agent")
                stamp = entry.get("timestamp") or entry.get("at") or entry.get("switched_at") or entry.get("time")
                at = moment(stamp) if stamp else at + _STEP
                before = str(entry.get("from") or entry.get("from_agent") or previous)
                found.append(OldSwitch(f"{key}[{number}]", at, str(agent), before, str(entry.get("reason") or "")))
                previous = str(agent)
            current = row["current_agent"]
            if current and current != previous:
                stamp = row.get("last_switch_at") or row.get("created_at")
                at = max(at, moment(stamp) if stamp else at)
                metadata = decoded(row.get("context_metadata"))
                extra = {"context": metadata} if metadata else {}
                found.append(OldSwitch(f"{key}[current]", at, str(current), previous, metadata=extra))
        return tuple(found)


def _message(key: str, raw: Any, at: datetime) -> OldMessage | Broken:
    if not isinstance(raw, dict):
        return Broken("sessions", key, f"a message is no object but {type(raw).__name__}")
    role = ROLES.get(str(raw.get("role") or raw.get("type") or raw.get("sender") or "").lower())
    if role is None:
        return Broken("sessions", key, f"role {raw.get('role') or raw.get('type')!r} is not known")
    content = next((raw[name] for name in ("content", "text", "message") if isinstance(raw.get(name), str)), "")
    try:
        stamp = raw.get("timestamp") or raw.get("created_at") or raw.get("time")
        at = moment(stamp) if stamp else at
    except ValueError as error:
        return Broken("sessions", key, f"its time: {error}")
    agent = str(raw.get("agent") or "") if role == "assistant" else ""
    extra = {name: value for name, value in raw.items() if name not in _KNOWN}
    author = agent or ("assistant" if role == "assistant" else "")
    return OldMessage(key, at, role, content, author, author_name=agent, metadata=extra)
