"""The rows of a session, its people and its chats, and what becomes of them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.events import AiContext, ChatConfigured, ReceiptRead, SessionCreated, Track, Usage
from shared.fold.change import Change, Drop, Edit, Key, Put, Row, has_read_less
from shared.session.evolve import first_chat

MONEY_DIGITS = 10  # behind the point, in US dollars: a single cached token of the cheapest model still counts
NOTHING_SPENT: Row = {"input_tokens": 0, "output_tokens": 0, "cached_tokens": 0, "cost_usd": Decimal(0)}
_COUNTERS = (
    "version", "message_count", "user_messages", "assistant_messages", "system_messages", "tool_messages",
    "replies_completed", "replies_failed", "replies_cancelled",
)  # fmt: skip


def new_session(e: SessionCreated, session: Key, at: datetime, seq: int, *inside: Change) -> Put:
    """A session with its owner, its first chat, its track, and what else is in it from the beginning."""
    values: Row = {
        **NOTHING_SPENT,
        **dict.fromkeys(_COUNTERS, 0),
        "owner": e.owner,
        "key": clean(e.key),
        "title": clean(e.title),
        "title_seq": seq,
        "kind": e.kind,
        "project": clean(e.project),
        "active_chat": e.chat_id,
        "ai_context": {},
        "ai_context_seq": seq,
        "created_at": at,
        "created_seq": seq,
        "last_activity": at,
        "archived_at": None,
        "deleted_at": None,
        "last_message_id": None,
        "active_seq": seq,
        "last_seq": seq,
        "seq": seq,
    }
    first: list[Change] = [new_chat(session, e.chat_id, *first_chat(e), at, seq)]
    if e.owner:
        first.insert(0, new_participant(session, e.owner, e.owner_name, "owner", at, seq, guest=e.owner_guest))
    if e.track is not None:
        first.append(new_track(session, e.track, seq))
    return Put("sessions", session, values, (*first, *inside))


def new_participant(session: Key, user: str, name: str, role: str, at: datetime, seq: int, *, guest: bool) -> Put:
    """Somebody who is in the session."""
    values: Row = {"name": clean(name or user), "role": role, "guest": guest, "joined_at": at, "since_seq": seq}
    return Put("participants", (*session, user), {**values, "last_event_at": at, "last_event_seq": seq, "seq": seq})


def gone(session: Key, user: str) -> list[Change]:
    """Nobody of this name is in the session any more."""
    return [Drop("receipts", (*session, user)), Drop("participants", (*session, user))]


def has_read(e: ReceiptRead, session: Key, at: datetime, seq: int) -> Change:
    """A participant's receipt reaches further than before, if it does."""
    key, so_far = (*session, e.user), {"read_seq": e.up_to_seq, "read_at": at, "seq": seq}
    further = Edit("receipts", key, so_far, {}, has_read_less(e.up_to_seq))
    return Edit("participants", key, {}, {}, then=(Put("receipts", key, so_far), further))


def new_chat(session: Key, chat_id: str, name: str, chat_type: str, at: datetime, seq: int) -> Put:
    """A chat without messages."""
    values: Row = {
        **NOTHING_SPENT,
        "name": clean(name),
        "name_seq": seq,
        "chat_type": clean(chat_type),
        "status": "open",
        "agent": None,
        "ai_context": {},
        "ai_context_seq": seq,
        "created_at": at,
        "created_seq": seq,
        "message_count": 0,
        "last_message_id": None,
        "last_message_seq": 0,
        "last_message_at": None,
        "returns": 0,
        "finalized_at": None,
        "seq": seq,
    }
    return Put("chats", (*session, chat_id), values)


def configured(e: ChatConfigured, session: Key, seq: int) -> Edit:
    """The chat's settings; its agent, if they name one."""
    values: Row = {"ai_context": context(e.ai_context), "ai_context_seq": seq, "seq": seq}
    if e.ai_context.agent:
        values["agent"] = e.ai_context.agent
    return Edit("chats", (*session, e.chat_id), values, {})


def new_track(session: Key, track: Track, seq: int) -> Put:
    """What the session is to come to."""
    return Put("tracks", session, {**clean(track.model_dump()), "seq": seq})


def context(of: AiContext) -> Row:
    """Model settings as rows hold them."""
    held: Row = clean(of.model_dump(exclude_none=True))
    return held


def usd(amount: float) -> Decimal:
    """Dollars as rows hold them: exact, so that sums are the same in any order."""
    return Decimal(str(amount)).quantize(Decimal(1).scaleb(-MONEY_DIGITS))


def clean(value: Any) -> Any:
    """PostgreSQL's text and jsonb can't hold NUL: it becomes the replacement character."""
    match value:
        case str():
            return value.replace("\x00", "\N{REPLACEMENT CHARACTER}") if "\x00" in value else value
        case dict():
            return {clean(key): clean(inner) for key, inner in value.items()}
        case list():
            return [clean(inner) for inner in value]
        case _:
            return value


def spent(usage: Usage) -> Row:
    """What an answer cost, by column."""
    cost = None if usage.cost_usd is None else usd(usage.cost_usd)
    counted = usage.model_dump(include={"input_tokens", "output_tokens", "cached_tokens"})
    return {**counted, "cost_usd": cost, "usage_estimated": usage.estimated}
