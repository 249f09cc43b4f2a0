"""What a client gets when it opens a session: from the projector, or, while that is away, from the events themselves.

Both have the same fields. A snapshot of position `at` is followed by every event after `at`.
"""

from typing import Any

import orjson

from services.gateway.feed import Feed
from shared import errors
from shared.bus.query import QueryClient
from shared.events import MessagePosted, ReplyCompleted

DEADLINE_S = 1.5
MESSAGES = 50
MESSAGES_BYTES = 512 * 1024
SCAN_EVENTS = 1_000_000
SCAN_BYTES = 256 * 1024 * 1024


async def snapshot(feed: Feed, queries: QueryClient, user: str) -> tuple[int, dict[str, Any]]:
    """The position the snapshot is of, and the snapshot. `running` is empty: it is laid over it last.

    Raises:
        Unavailable: neither the projector nor the stream can tell.
    """
    try:
        found = await queries.ask("projector", "snapshot", {"session_id": feed.session_id, "user": user}, DEADLINE_S)
        at = int(found["at"])
    except (errors.AntiphonError, KeyError, TypeError, ValueError):
        return await from_events(feed)
    if at <= 0:
        return await from_events(feed)
    return at, {"degraded": [], "awareness": {}, **found, "running": []}


async def from_events(feed: Feed) -> tuple[int, dict[str, Any]]:
    """The snapshot as of the last event delivered here, folded from the session's events.

    Raises:
        Unavailable: they can't be read whole.
    """
    state, at = feed.state, feed.last
    page = await feed.events_after(0, SCAN_EVENTS, SCAN_BYTES)
    if page is None or page.more:
        raise errors.Unavailable("the projector does not answer, and the stream does not reach back far enough")
    bodies = ((seq, orjson.loads(pub)["data"]) for seq, pub in page.events if seq <= at)
    messages = [row for seq, body in bodies if (row := _message(seq, body))]
    shown = [row for row in messages if row["chat_id"] == state.active_chat]
    kept = _newest(shown)
    chats = [
        {
            "chat_id": chat.chat_id,
            "name": chat.name,
            "chat_type": chat.chat_type,
            "message_count": sum(row["chat_id"] == chat.chat_id for row in messages),
        }
        for chat in state.chats.values()
    ]
    people = [
        {"user": person.user, "name": person.name, "role": person.role, "since_seq": person.since_seq}
        for person in state.participants.values()
    ]
    return at, {
        "session": {
            "session_id": state.session_id,
            "owner": state.owner,
            "title": state.title,
            "kind": state.kind,
            "project": state.project,
            "created_at": state.created_at,
        },
        "participants": people,
        "chats": chats,
        "active_chat": state.active_chat,
        "messages": kept,
        "more": len(kept) < len(shown),
        "receipts": {},
        "awareness": {},
        "running": [],
        "at": at,
        "degraded": ["projector"],
    }


def _newest(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    size = 0
    for row in reversed(messages[-MESSAGES:]):
        size += len(orjson.dumps(row))
        if size > MESSAGES_BYTES:
            break
        kept.append(row)
    return kept[::-1]


def _message(seq: int, body: dict[str, Any]) -> dict[str, Any] | None:
    data = body.get("data") or {}
    base = {"seq": seq, "time": body.get("time"), "chat_id": data.get("chat_id"), "content": data.get("content")}
    match body.get("type"):
        case MessagePosted.TYPE:
            return {
                **base,
                "id": body.get("id"),
                "role": data.get("role", "user"),
                "author": body.get("actor"),
                "author_name": body.get("actorname", ""),
                "metadata": data.get("metadata", {}),
                "parent": data.get("parent"),
            }
        case ReplyCompleted.TYPE if data.get("content"):
            return {
                **base,
                "id": data.get("reply_id"),
                "role": "assistant",
                "author": data.get("agent") or data.get("model"),
                "author_name": data.get("agent") or data.get("model"),
                "metadata": {},
                "parent": data.get("parent"),
            }
        case _:
            return None
