"""What an event changes in the read models: pure, data in, data out. Doing it is elsewhere.

A change names a table, a key and what becomes of the row; `then` follows only if the change took place. So the rules
"the first one wins" and "a reply ends once" are said here, next to the event that they are about.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.events import (
    ChatCreated,
    MessagePosted,
    ParticipantJoined,
    ParticipantLeft,
    Recorded,
    ReplyCompleted,
    ReplyFailed,
    ReplyStarted,
    SessionCreated,
    SessionRenamed,
    Unknown,
)
from shared.session.evolve import MAIN_CHAT

Key = tuple[str, ...]
Row = dict[str, Any]
Guard = Callable[[Mapping[str, Any]], bool]


def always(_row: Mapping[str, Any]) -> bool:
    """No condition."""
    return True


def is_open(row: Mapping[str, Any]) -> bool:
    """A reply that has not ended."""
    return row["status"] in ("requested", "running")


def is_open_before(attempt: int) -> Guard:
    """A reply that has not ended, and has not been begun by this attempt or a later one."""
    return lambda row: is_open(row) and row["attempt"] < attempt


@dataclass(frozen=True, slots=True)
class Put:
    """The row comes into being, unless there is one with this key: the first one wins."""

    table: str
    key: Key
    values: Row
    then: tuple["Change", ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """`values` are set and `amounts` added, if the row is there and the guard holds."""

    table: str
    key: Key
    values: Row
    amounts: Mapping[str, int]
    only: Guard = always
    then: tuple["Change", ...] = ()


@dataclass(frozen=True, slots=True)
class Drop:
    """The row is gone."""

    table: str
    key: Key


Change = Put | Edit | Drop

# Events after which the session looks different in a list.
SUMMARY_EVENTS = (
    SessionCreated, SessionRenamed, ParticipantJoined, ParticipantLeft, ChatCreated, MessagePosted, ReplyCompleted
)  # fmt: skip


def changes(recorded: Recorded) -> list[Change]:
    """The changes of one event. Of an event of an unknown type: none."""
    if isinstance(recorded.event, Unknown):
        return []
    seq, at = recorded.seq, datetime.fromisoformat(recorded.envelope.time)
    session: Key = (recorded.envelope.subject,)
    made = _of_event(recorded, session, at)
    return [*made, Edit("sessions", session, {"last_seq": seq, "last_activity": at}, {})]


def _of_event(recorded: Recorded, session: Key, at: datetime) -> list[Change]:
    seq = recorded.seq
    match recorded.event:
        case SessionCreated() as e:
            return [_session(e, session, at, seq)]
        case SessionRenamed() as e:
            return [Edit("sessions", session, {"title": _clean(e.title), "seq": seq}, {})]
        case ParticipantJoined() as e:
            return [_participant(session, e.user, e.name, e.role, at, seq)]
        case ParticipantLeft() as e:
            return [Drop("participants", (*session, e.user))]
        case ChatCreated() as e:
            return [_chat(session, e.chat_id, e.name, e.chat_type, at, seq)]
        case MessagePosted() as e:
            return _posted(recorded, e, session, at)
        case ReplyStarted() as e:
            values = {"status": "running", "attempt": e.attempt, "model": e.model, "agent": e.agent or None}
            values |= {"started_at": at, "seq": seq}
            return [Edit("replies", (*session, e.reply_id), values, {}, is_open_before(e.attempt))]
        case ReplyCompleted() as e:
            values = {"status": "completed", "attempt": e.attempt, "model": e.model, "agent": e.agent or None}
            values |= {"reason": e.finish_reason, "first_token_ms": e.first_token_ms, "total_ms": e.total_ms}
            values |= {"ended_at": at, "seq": seq}
            return [Edit("replies", (*session, e.reply_id), values, {}, is_open, (_answer(e, session, at, seq),))]
        case ReplyFailed() as e:
            values = {"status": "failed", "reason": e.reason, "ended_at": at, "seq": seq}
            return [Edit("replies", (*session, e.reply_id), values, {}, is_open)]
        case _:
            return []


def _session(e: SessionCreated, session: Key, at: datetime, seq: int) -> Put:
    values: Row = {
        "owner": e.owner,
        "title": _clean(e.title),
        "kind": e.kind,
        "project": _clean(e.project),
        "active_chat": e.chat_id,
        "created_at": at,
        "last_activity": at,
        "message_count": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cached_tokens": 0,
        "last_message_id": None,
        "last_seq": seq,
        "seq": seq,
    }
    owner = _participant(session, e.owner, e.owner_name, "owner", at, seq)
    return Put("sessions", session, values, (owner, _chat(session, e.chat_id, MAIN_CHAT, "discussion", at, seq)))


def _participant(session: Key, user: str, name: str, role: str, at: datetime, seq: int) -> Put:
    values = {"name": _clean(name or user), "role": role, "joined_at": at, "seq": seq}
    return Put("participants", (*session, user), values)


def _chat(session: Key, chat_id: str, name: str, chat_type: str, at: datetime, seq: int) -> Put:
    values = {"name": _clean(name), "chat_type": _clean(chat_type), "message_count": 0}
    return Put("chats", (*session, chat_id), {**values, "created_at": at, "created_seq": seq, "seq": seq})


def _posted(recorded: Recorded, e: MessagePosted, session: Key, at: datetime) -> list[Change]:
    seq, envelope = recorded.seq, recorded.envelope
    values: Row = {"role": e.role, "author": envelope.actor, "author_name": _clean(envelope.actorname)}
    values |= {"content": _clean(e.content), "metadata": _clean(e.metadata), "parent": e.parent, "agent": e.agent}
    asked: tuple[Change, ...] = ()
    if e.reply_id is not None:
        reply: Row = {"chat_id": e.chat_id, "prompt_id": envelope.id, "status": "requested", "attempt": 0}
        reply |= {"model": None, "agent": None, "reason": None, "first_token_ms": None, "total_ms": None}
        reply |= {"requested_seq": seq, "requested_at": at, "started_at": None, "ended_at": None, "seq": seq}
        asked = (Put("replies", (*session, e.reply_id), reply),)
    return [_message(session, envelope.id, e.chat_id, values, at, seq), *asked]


def _answer(e: ReplyCompleted, session: Key, at: datetime, seq: int) -> Change:
    usage = e.usage
    tokens = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    tokens |= {"cached_tokens": usage.cached_tokens}
    spent = Edit("sessions", session, {}, tokens)
    if not e.content:
        return spent  # a reply that was cancelled before its first word makes no message
    values: Row = {"role": "assistant", "author": e.agent or e.model, "author_name": e.agent or e.model}
    values |= {"content": _clean(e.content), "metadata": {}, "parent": e.parent, "agent": e.agent or None}
    values |= {"model": e.model, "finish_reason": e.finish_reason, **tokens, "usage_estimated": usage.estimated}
    return _message(session, e.reply_id, e.chat_id, values, at, seq, spent)


def _message(session: Key, message_id: str, chat_id: str, values: Row, at: datetime, seq: int, *then: Change) -> Put:
    counted = Edit("sessions", session, {"last_message_id": message_id}, {"message_count": 1})
    in_chat = Edit("chats", (*session, chat_id), {"seq": seq}, {"message_count": 1})
    row: Row = {
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


def _clean(value: Any) -> Any:
    """PostgreSQL's text and jsonb can't hold NUL: it becomes the replacement character."""
    match value:
        case str():
            return value.replace("\x00", "\N{REPLACEMENT CHARACTER}")
        case dict():
            return {_clean(key): _clean(inner) for key, inner in value.items()}
        case list():
            return [_clean(inner) for inner in value]
        case _:
            return value
