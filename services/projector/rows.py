"""The rows that events make, and what becomes of them."""

from datetime import datetime
from typing import Any

from services.projector.change import Change, Edit, Key, Put, Row, is_shown
from shared.events import (
    AiContext,
    MessageEdited,
    MessagePosted,
    MessageRedacted,
    OperationApplied,
    Recorded,
    ReplyCompleted,
    SessionCreated,
)
from shared.session.evolve import first_chat


def new_session(e: SessionCreated, session: Key, at: datetime, seq: int) -> Put:
    """A session with its owner and its first chat."""
    values: Row = {
        "owner": e.owner,
        "title": clean(e.title),
        "kind": e.kind,
        "project": clean(e.project),
        "active_chat": e.chat_id,
        "ai_context": {},
        "created_at": at,
        "last_activity": at,
        "archived_at": None,
        "deleted_at": None,
        "message_count": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cached_tokens": 0,
        "last_message_id": None,
        "active_seq": seq,
        "last_seq": seq,
        "seq": seq,
    }
    inside: list[Change] = [new_chat(session, e.chat_id, *first_chat(e), at, seq)]
    if e.owner:
        inside.insert(0, new_participant(session, e.owner, e.owner_name, "owner", at, seq))
    return Put("sessions", session, values, tuple(inside))


def new_participant(session: Key, user: str, name: str, role: str, at: datetime, seq: int) -> Put:
    """Somebody who is in the session."""
    values = {"name": clean(name or user), "role": role, "joined_at": at, "since_seq": seq, "read_seq": 0, "seq": seq}
    return Put("participants", (*session, user), values)


def new_chat(session: Key, chat_id: str, name: str, chat_type: str, at: datetime, seq: int) -> Put:
    """A chat without messages."""
    values = {"name": clean(name), "chat_type": clean(chat_type), "ai_context": {}, "message_count": 0}
    return Put("chats", (*session, chat_id), {**values, "created_at": at, "created_seq": seq, "seq": seq})


def context(of: AiContext) -> Row:
    """Model settings as rows hold them."""
    held: Row = clean(of.model_dump(exclude_none=True))
    return held


def posted(recorded: Recorded, e: MessagePosted, session: Key, at: datetime) -> list[Change]:
    """A message, and the reply that it asks for."""
    seq, envelope = recorded.seq, recorded.envelope
    values: Row = {"role": e.role, "author": envelope.actor, "author_name": clean(envelope.actorname)}
    values |= {"content": clean(e.content), "metadata": clean(e.metadata), "parent": e.parent, "agent": e.agent}
    asked: tuple[Change, ...] = ()
    if e.reply_id is not None:
        reply: Row = {"chat_id": e.chat_id, "prompt_id": envelope.id, "status": "requested", "attempt": 0}
        reply |= {"model": None, "agent": None, "reason": None, "first_token_ms": None, "total_ms": None}
        reply |= {"requested_seq": seq, "requested_at": at, "started_at": None, "ended_at": None, "seq": seq}
        asked = (Put("replies", (*session, e.reply_id), reply),)
    return [message(session, envelope.id, e.chat_id, values, at, seq), *asked]


def answered(e: ReplyCompleted, session: Key, at: datetime, seq: int) -> Change:
    """The message that a reply has become, and what it cost."""
    usage = e.usage
    tokens = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    tokens |= {"cached_tokens": usage.cached_tokens}
    spent = Edit("sessions", session, {}, tokens)
    if not e.content:
        return spent  # a reply that was cancelled before its first word makes no message
    values: Row = {"role": "assistant", "author": e.agent or e.model, "author_name": e.agent or e.model}
    values |= {"content": clean(e.content), "metadata": {}, "parent": e.parent, "agent": e.agent or None}
    values |= {"model": e.model, "finish_reason": e.finish_reason, **tokens, "usage_estimated": usage.estimated}
    return message(session, e.reply_id, e.chat_id, values, at, seq, spent)


def message(session: Key, message_id: str, chat_id: str, values: Row, at: datetime, seq: int, *then: Change) -> Put:
    """A message, counted in its chat and session."""
    counted = Edit("sessions", session, {"last_message_id": message_id}, {"message_count": 1})
    in_chat = Edit("chats", (*session, chat_id), {"seq": seq}, {"message_count": 1})
    row: Row = {
        "redacted": False,
        "edited_at": None,
        "model": None,
        "finish_reason": None,
        "input_tokens": 0,
        "output_tokens": 0,
        "cached_tokens": 0,
        "usage_estimated": False,
        **values,
        "chat_id": chat_id,
        "created_at": at,
        "created_seq": seq,
        "seq": seq,
    }
    return Put("messages", (*session, message_id), row, (counted, in_chat, *then))


def edited(e: MessageEdited, session: Key, at: datetime, seq: int) -> Edit:
    """What the message says now; one that was redacted says nothing any more."""
    values: Row = {"content": clean(e.content), "edited_at": at, "seq": seq}
    if e.metadata is not None:
        values["metadata"] = clean(e.metadata)
    return Edit("messages", (*session, e.message_id), values, {}, is_shown)


def redacted(e: MessageRedacted, session: Key, seq: int) -> Edit:
    """Nothing of what was said is left in the row."""
    values: Row = {"content": "", "metadata": {}, "redacted": True, "seq": seq}
    return Edit("messages", (*session, e.message_id), values, {}, is_shown)


def operated(recorded: Recorded, e: OperationApplied, session: Key, at: datetime) -> list[Change]:
    """The object is as the last operation on it says."""
    values: Row = {"kind": clean(e.kind), "payload": clean(e.payload), "author": recorded.envelope.actor}
    values |= {"changed_at": at, "seq": recorded.seq}
    key = (*session, e.target)
    return [Put("objects", key, values), Edit("objects", key, values, {})]


def clean(value: Any) -> Any:
    """PostgreSQL's text and jsonb can't hold NUL: it becomes the replacement character."""
    match value:
        case str():
            return value.replace("\x00", "\N{REPLACEMENT CHARACTER}")
        case dict():
            return {clean(key): clean(inner) for key, inner in value.items()}
        case list():
            return [clean(inner) for inner in value]
        case _:
            return value
