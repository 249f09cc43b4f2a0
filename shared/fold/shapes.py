"""Rows as JSON, the shapes that callers get. Times are RFC 3339 in UTC with milliseconds."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

PARTIAL_CHARS = 8192


class Row(Protocol):
    """A row of the database, or of a fold in memory."""

    def __getitem__(self, name: str, /) -> Any:
        """The value of a column."""
        ...


def time(at: datetime) -> str:
    """As events have it: `2026-01-01T00:00:00.000Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _maybe(at: datetime | None) -> str | None:
    return time(at) if at else None


def session(row: Row) -> dict[str, Any]:
    """A session's own facts and counters."""
    return {
        "session_id": row["session_id"],
        "owner": row["owner"],
        "title": row["title"],
        "kind": row["kind"],
        "project": row["project"],
        "created_at": time(row["created_at"]),
        "last_activity": time(row["last_activity"]),
        "ai_context": row["ai_context"],
        "archived_at": _maybe(row["archived_at"]),
        "deleted_at": _maybe(row["deleted_at"]),
        "version": row["version"],
        "message_count": row["message_count"],
        "usage": usage(row),
        "cost_usd": _cost(row),
        "last_seq": row["last_seq"],
        "seq": row["seq"],
    }


def participant(row: Row) -> dict[str, Any]:
    """A participant."""
    return {
        "user": row["user_id"],
        "name": row["name"],
        "role": row["role"],
        "joined_at": time(row["joined_at"]),
        "since_seq": row["since_seq"],
    }


def receipt(row: Row) -> dict[str, Any]:
    """How far a participant has read."""
    return {"user": row["user_id"], "up_to_seq": row["read_seq"]}


def chat(row: Row) -> dict[str, Any]:
    """A chat with its number of messages."""
    return {
        "chat_id": row["chat_id"],
        "name": row["name"],
        "chat_type": row["chat_type"],
        "status": row["status"],
        "agent": row["agent"],
        "ai_context": row["ai_context"],
        "created_at": time(row["created_at"]),
        "message_count": row["message_count"],
    }


def track(row: Row) -> dict[str, Any]:
    """What a session is to come to."""
    names = ("title", "description", "difficulty_level", "estimated_duration_hours", "user_expectations")
    return {name: row[name] for name in names}


def plan(row: Row, modules: Sequence[Row]) -> dict[str, Any]:
    """A plan with its modules in order."""
    parts = [{name: module[name] for name in ("title", "description", "hours", "topics")} for module in modules]
    facts = {name: row[name] for name in ("reply_id", "chat_id", "title", "summary", "model", "agent", "seq")}
    return {**facts, "time": time(row["created_at"]), "modules": parts}


def switch(row: Row) -> dict[str, Any]:
    """One agent after another."""
    return {
        "seq": row["switched_seq"],
        "time": time(row["switched_at"]),
        "chat_id": row["chat_id"],
        "from": row["from_agent"],
        "to": row["to_agent"],
        "reason": row["reason"],
        "metadata": row["metadata"],
        "by": row["switched_by"],
        "reply_id": row["reply_id"],
    }


def failed(row: Row) -> dict[str, Any]:
    """A reply that failed; `partial` is the beginning of what it had said."""
    return {
        "seq": row["ended_seq"],
        "time": time(row["ended_at"]),
        "reply_id": row["reply_id"],
        "chat_id": row["chat_id"],
        "purpose": row["purpose"],
        "parent": row["prompt_id"],
        "agent": row["agent"] or row["asked_agent"],
        "reason": row["fail_reason"],
        "message": row["fail_message"],
        "partial": row["partial"][:PARTIAL_CHARS],
    }


def message(row: Row) -> dict[str, Any]:
    """A message as it is now; `changed_seq` is where it became that. The assistant's say model, usage and cost too.

    `after` is the seq of the message before it in its thread, 0 at the beginning. Redacted or erased, it says nothing.
    """
    shape: dict[str, Any] = {
        "seq": row["created_seq"],
        "changed_seq": row["seq"],
        "id": row["message_id"],
        "chat_id": row["chat_id"],
        "role": row["role"],
        "author": row["author"],
        "author_name": row["author_name"],
        "content": row["content"],
        "metadata": row["metadata"],
        "redacted": row["redacted"],
        "edited_at": _maybe(row["edited_at"]),
        "parent": row["parent"],
        "after": row["after_seq"],
        "agent": row["agent"],
        "time": time(row["created_at"]),
    }
    if row["erased"]:
        shape["erased"] = True
    if row["model"] is not None:
        spent = {**usage(row), "estimated": row["usage_estimated"]}
        shape |= {"model": row["model"], "finish_reason": row["finish_reason"], "usage": spent, "cost_usd": _cost(row)}
    return shape


def wording(row: Row) -> dict[str, Any]:
    """What a message says now, as the last of its revisions."""
    said = {"author": row["author"], "content": row["content"], "metadata": row["metadata"]}
    return {"seq": row["content_seq"], "time": time(row["edited_at"] or row["created_at"]), **said}


def revision(row: Row) -> dict[str, Any]:
    """What a message said before."""
    said = {"author": row["author"], "content": row["content"], "metadata": row["metadata"]}
    return {"seq": row["made_seq"], "time": time(row["made_at"]), **said}


def target(row: Row) -> dict[str, Any]:
    """A message as a decision about it needs it; what the assistant wrote has no author among the participants."""
    author = "" if row["role"] == "assistant" else row["author"]
    facts = {"seq": row["seq"], "author": author, "chat_id": row["chat_id"], "role": row["role"]}
    return {**facts, "redacted": row["redacted"] or row["erased"], "parent": row["parent"] or ""}


def shared_object(row: Row) -> dict[str, Any]:
    """A shared object: the last operation on it, by whom and where."""
    facts = {name: row[name] for name in ("target", "kind", "payload", "author", "seq")}
    return {**facts, "time": time(row["changed_at"])}


def usage(row: Row) -> dict[str, int]:
    """Tokens."""
    return {name: row[name] for name in ("input_tokens", "output_tokens", "cached_tokens")}


def _cost(row: Row) -> float | None:
    return None if row["cost_usd"] is None else float(row["cost_usd"])


def within(shapes: list[dict[str, Any]], max_bytes: int) -> list[dict[str, Any]]:
    """The first of them that take at most `max_bytes` as JSON together, and at least one."""
    size = 0
    for count, shape in enumerate(shapes):
        size += len(orjson.dumps(shape)) + 1
        if size > max_bytes and count:
            return shapes[:count]
    return shapes


def newest_within(newest_first: list[dict[str, Any]], max_bytes: int) -> list[dict[str, Any]]:
    """The newest of them that fit, in ascending order."""
    return within(newest_first, max_bytes)[::-1]


def reply(row: Row) -> dict[str, Any]:
    """A reply that was asked for."""
    return {
        "reply_id": row["reply_id"],
        "session_id": row["session_id"],
        "chat_id": row["chat_id"],
        "prompt_id": row["prompt_id"] or "",
        "requested_seq": row["requested_seq"],
        "requested_at": time(row["requested_at"]),
        "attempt": row["attempts"],
        "purpose": row["purpose"],
        "agent": row["asked_agent"] or "",
        "cancelled": row["cancel_requested"],
        "status": row["status"],
    }
