"""The rows of messages and of shared objects, and what becomes of them.

Where a message stands in its thread follows from the message it names as its parent. Where that already has a sequel of
the same role, the message is another one beside it (an edit that was sent again, a regenerated answer): the thread
jumps to the parent. Otherwise it goes on at the message just before, so that nothing said meanwhile is lost.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from shared.events import MessageEdited, MessagePosted, MessageRedacted, OperationApplied, Recorded, Usage
from shared.fold.change import Change, Derived, Edit, Key, Look, Put, Row, Sweep, is_shown
from shared.fold.folding import CHILDREN
from shared.fold.rows import clean, spent

RETURN_AFTER = timedelta(hours=8)  # who says something after so much silence has come back


def posted(recorded: Recorded, e: MessagePosted, session: Key, at: datetime) -> list[Change]:
    """A message. One without any text is none."""
    if not e.content:
        return []
    envelope = recorded.envelope
    values: Row = {"role": e.role, "author": envelope.actor, "author_name": clean(envelope.actorname)}
    values |= {"content": clean(e.content), "metadata": clean(e.metadata), "parent": e.parent, "agent": e.agent}
    then: list[Change] = []
    if e.model or e.usage:  # an answer that another system wrote
        cost = spent(e.usage or Usage())
        values |= {"model": clean(e.model) or None, **cost}
        amounts = {name: cost[name] for name in ("input_tokens", "output_tokens", "cached_tokens")}
        amounts["cost_usd"] = cost["cost_usd"] or 0
        then = [Edit("sessions", session, {}, amounts), Edit("chats", (*session, e.chat_id), {}, amounts)]
    return [message(session, envelope.id, e.chat_id, values, at, recorded.seq, *then)]


def message(session: Key, message_id: str, chat_id: str, values: Row, at: datetime, seq: int, *then: Change) -> Put:
    """A message in its thread, counted in its chat and session."""
    row: Row = {
        "redacted": False,
        "erased": False,
        "edited_at": None,
        "redacted_at": None,
        "model": None,
        "finish_reason": None,
        "input_tokens": 0,
        "output_tokens": 0,
        "cached_tokens": 0,
        "cost_usd": None,
        "usage_estimated": False,
        **values,
        "chat_id": chat_id,
        "created_at": at,
        "created_seq": seq,
        "content_seq": seq,
        "seq": seq,
    }
    role, parent = str(row["role"]), row["parent"]
    counts = {"message_count": 1, f"{role}_messages": 1}
    counted = Edit("sessions", session, {"last_message_id": message_id}, counts)
    newest = {"last_message_id": message_id, "last_message_seq": seq, "last_message_at": at, "seq": seq}
    in_chat = Edit("chats", (*session, chat_id), newest, {"message_count": 1}, derive=_returned(role, at))
    reads = [("replies", (*session, message_id))]  # an answer has its reply's id
    if parent and parent != "root":
        reads += [("messages", (*session, parent)), (CHILDREN, (*session, parent, role))]
    placed = _placed(session, chat_id, message_id, role, parent)
    return Put("messages", (*session, message_id), row, (counted, in_chat, *then), placed, tuple(reads))


def _placed(session: Key, chat_id: str, message_id: str, role: str, parent: str | None) -> Callable[[Look], Derived]:
    def derive(look: Look) -> Derived:
        chat, reply = look(("chats", (*session, chat_id))) or {}, look(("replies", (*session, message_id)))
        named = look(("messages", (*session, parent))) if parent else None
        follows, after = chat["last_message_id"] or "", chat["last_message_seq"]
        if parent == "root":
            follows, after = "root", 0
        elif named is not None and parent is not None and named["chat_id"] == chat_id:
            beside = look((CHILDREN, (*session, parent, role))) is not None
            follows, after = parent, named["created_seq"] if beside else after
        elif reply is not None and reply["after_seq"] is not None:
            follows, after = "", reply["after_seq"]
        return {"follows": follows, "after_seq": after}, (Put(CHILDREN, (*session, follows, role), {}),)

    return derive


def _returned(role: str, at: datetime) -> Callable[[Row], Row]:
    def derive(chat: Row) -> Row:
        last = chat["last_message_at"]
        back = role == "user" and chat["status"] == "open" and last is not None and at - last >= RETURN_AFTER
        return {"returns": chat["returns"] + 1} if back else {}

    return derive


def edited(e: MessageEdited, session: Key, at: datetime, seq: int) -> list[Change]:
    """What the message says now, and what it said before. Redacted or erased, it says nothing any more."""
    if not e.content:
        return []
    key = (*session, e.message_id)
    values: Row = {"content": clean(e.content), "edited_at": at, "content_seq": seq, "seq": seq}
    if e.metadata is not None:
        values["metadata"] = clean(e.metadata)

    def before(look: Look) -> Derived:
        row = look(("messages", key)) or {}
        kept = {name: row[name] for name in ("author", "content", "metadata")}
        return {**kept, "made_seq": row["content_seq"], "made_at": row["edited_at"] or row["created_at"]}, ()

    revision = Put("message_revisions", (*key, seq), {"seq": seq}, derive=before)
    return [Edit("messages", key, {}, {}, is_shown, (revision, Edit("messages", key, values, {})))]


def redacted(e: MessageRedacted, session: Key, at: datetime, seq: int) -> Edit:
    """Nothing of what was said is left in the rows."""
    key = (*session, e.message_id)
    values: Row = {"content": "", "metadata": {}, "redacted": True, "redacted_at": at, "seq": seq}
    return Edit("messages", key, values, {}, lambda row: not row["redacted"], (no_revisions(key),))


def no_revisions(message_key: Key) -> Sweep:
    """What the message said before is gone."""
    return Sweep("message_revisions", message_key, lambda _key, _row: None)


def operated(recorded: Recorded, e: OperationApplied, session: Key, at: datetime) -> list[Change]:
    """The object is as the last operation on it says."""
    values: Row = {"kind": clean(e.kind), "payload": clean(e.payload), "author": recorded.envelope.actor}
    values |= {"changed_at": at, "seq": recorded.seq}
    key = (*session, e.target)
    return [Put("objects", key, values), Edit("objects", key, values, {})]
