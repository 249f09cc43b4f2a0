"""A snapshot folded from a session's events, in the shapes of the projector's: for when that is away or behind."""

from collections import Counter
from typing import Any

import orjson

from services.gateway.feed import Feed
from services.gateway.source import SCAN_BYTES, SCAN_EVENTS
from shared import errors
from shared.events import (
    ChatActivated,
    ChatConfigured,
    ChatCreated,
    ContentErased,
    MessageEdited,
    MessagePosted,
    MessageRedacted,
    ParticipantJoined,
    ReplyCompleted,
    SessionArchived,
    SessionConfigured,
    SessionCreated,
    SessionDeleted,
    SessionRenamed,
    SessionRestored,
    SessionUnarchived,
)
from shared.session import SessionState

MESSAGES = 50
MESSAGES_BYTES = 512 * 1024

_TOKENS = ("input_tokens", "output_tokens", "cached_tokens")


async def from_events(feed: Feed, degraded: list[str]) -> tuple[int, dict[str, Any]]:
    """The position of the last event delivered here, and the snapshot as of it.

    Raises:
        Unavailable: the session's events can't be read whole.
    """
    state, at = feed.state, feed.last
    page = await feed.events_after(0, SCAN_EVENTS, SCAN_BYTES)
    if page is None or page.more:
        raise errors.Unavailable("the projector does not answer, and the stream does not reach back far enough")
    story = _Story()
    for seq, pub in page.events:
        if seq <= at:
            story.take(seq, orjson.loads(pub)["data"])
    return at, {**story.snapshot(state), "degraded": degraded}


class _Story:
    """What the events say that the state does not keep: messages, counts and times."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.usage: Counter[str] = Counter()
        self.times: dict[str, str] = {}  # when a chat was created or a user joined
        self.settings_seq = 0
        self.ai_context: dict[str, Any] = {}  # by chat; the session's own under ""
        self.archived_at: str | None = None
        self.deleted_at: str | None = None
        self.last_time = ""

    def take(self, seq: int, body: dict[str, Any]) -> None:
        """One more event, in order."""
        data, time = body.get("data") or {}, str(body.get("time", ""))
        self.last_time = time
        match body.get("type"):
            case SessionCreated.TYPE:
                self.settings_seq = self.settings_seq or seq
                self.times |= {f"chat/{data.get('chat_id')}": time, f"user/{data.get('owner')}": time}
            case SessionRenamed.TYPE:
                self.settings_seq = seq
            case SessionArchived.TYPE | SessionUnarchived.TYPE as kind:
                self.settings_seq, self.archived_at = seq, time if kind == SessionArchived.TYPE else None
            case SessionDeleted.TYPE | SessionRestored.TYPE as kind:
                self.settings_seq, self.deleted_at = seq, time if kind == SessionDeleted.TYPE else None
            case SessionConfigured.TYPE:
                self.settings_seq, self.ai_context[""] = seq, data.get("ai_context")
            case ChatActivated.TYPE:
                self.settings_seq = seq
            case ChatConfigured.TYPE:
                self.ai_context[str(data.get("chat_id"))] = data.get("ai_context")
            case ChatCreated.TYPE:
                self.times.setdefault(f"chat/{data.get('chat_id')}", time)
            case ParticipantJoined.TYPE:
                self.times[f"user/{data.get('user')}"] = time
            case MessagePosted.TYPE:
                self.messages.append(_posted(seq, body, data))
            case ReplyCompleted.TYPE:
                self.usage.update({name: data.get("usage", {}).get(name, 0) for name in _TOKENS})
                if data.get("content"):
                    self.messages.append(_replied(seq, body, data))
            case MessageEdited.TYPE:
                said = {"content": data.get("content"), "edited_at": time}
                self._change(seq, data, said | ({"metadata": data["metadata"]} if "metadata" in data else {}))
            case MessageRedacted.TYPE:
                self._change(seq, data, {"content": "", "metadata": {}, "redacted": True})
            case ContentErased.TYPE:
                for message_id in data.get("message_ids", []):
                    self._erase(seq, message_id)

    def _change(self, seq: int, data: dict[str, Any], values: dict[str, Any]) -> None:
        """The message is as it was, with other values; one that was redacted stays so."""
        row = next((one for one in self.messages if one["id"] == data.get("message_id")), None)
        if row is not None and not row["redacted"] and not row.get("erased"):
            row.update(values, changed_seq=seq)

    def _erase(self, seq: int, message_id: str) -> None:
        for row in self.messages:
            if row["id"] == message_id:
                named = {} if row.get("model") else {"author_name": ""}
                row.update(named, content="", metadata={}, erased=True, changed_seq=seq)

    def snapshot(self, state: SessionState) -> dict[str, Any]:
        """The fields of a snapshot."""
        counts = Counter(row["chat_id"] for row in self.messages)
        shown = [row for row in self.messages if row["chat_id"] == state.active_chat]
        kept = _newest(shown)
        return {
            "session": {
                "session_id": state.session_id,
                "owner": state.owner,
                "title": state.title,
                "kind": state.kind,
                "project": state.project,
                "created_at": state.created_at,
                "last_activity": self.last_time,
                "ai_context": self.ai_context.get("", {}),
                "archived_at": self.archived_at,
                "deleted_at": self.deleted_at,
                "message_count": len(self.messages),
                "usage": {name: self.usage[name] for name in _TOKENS},
                "last_seq": state.seq,
                "seq": self.settings_seq,
            },
            "participants": [
                {
                    "user": person.user,
                    "name": person.name,
                    "role": person.role,
                    "joined_at": self.times.get(f"user/{person.user}", ""),
                    "since_seq": person.since_seq,
                }
                for person in state.participants.values()
            ],
            "chats": [
                {
                    "chat_id": chat.chat_id,
                    "name": chat.name,
                    "chat_type": chat.chat_type,
                    "ai_context": self.ai_context.get(chat.chat_id, {}),
                    "created_at": self.times.get(f"chat/{chat.chat_id}", ""),
                    "message_count": counts[chat.chat_id],
                }
                for chat in state.chats.values()
            ],
            "active_chat": state.active_chat,
            "messages": kept,
            "more": len(kept) < len(shown),
            "receipts": [{"user": user, "up_to_seq": seq} for user, seq in state.receipts.items()],
        }


def _newest(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    size = 0
    for row in reversed(messages[-MESSAGES:]):
        size += len(orjson.dumps(row)) + 1
        if kept and size > MESSAGES_BYTES:
            break
        kept.append(row)
    return kept[::-1]


def _posted(seq: int, body: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    return {
        "seq": seq,
        "changed_seq": seq,
        "id": body.get("id"),
        "chat_id": data.get("chat_id"),
        "role": data.get("role", "user"),
        "author": body.get("actor"),
        "author_name": body.get("actorname", ""),
        "content": data.get("content"),
        "metadata": data.get("metadata", {}),
        "redacted": False,
        "edited_at": None,
        "parent": data.get("parent"),
        "agent": data.get("agent"),
        "time": body.get("time"),
    }


def _replied(seq: int, body: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    author, usage = data.get("agent") or data.get("model"), data.get("usage", {})
    return {
        **_posted(seq, body, data),
        "id": data.get("reply_id"),
        "role": "assistant",
        "author": author,
        "author_name": author,
        "agent": data.get("agent") or None,
        "model": data.get("model"),
        "finish_reason": data.get("finish_reason"),
        "usage": {**{name: usage.get(name, 0) for name in _TOKENS}, "estimated": usage.get("estimated", False)},
    }
