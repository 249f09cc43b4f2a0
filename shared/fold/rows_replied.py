"""The rows of replies: asked for, begun, ended; of what they cost, of plans, and of who answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from shared.events import (
    AgentSwitched,
    PlanFinalized,
    Recorded,
    ReplyCompleted,
    ReplyFailed,
    ReplyRequested,
    ReplyStarted,
)
from shared.fold.change import Change, Derived, Edit, Key, Look, Put, Row, is_open, is_open_before
from shared.fold.rows import clean, spent
from shared.fold.rows_said import message


def asked(recorded: Recorded, reply_id: str, chat_id: str, session: Key, at: datetime, **facts: Any) -> Put:
    """A reply that somebody waits for. The first request with this id counts."""
    values: Row = {
        "prompt_id": None,
        "message_id": None,
        "purpose": "answer",
        "asked_agent": None,
        **facts,
        "chat_id": chat_id,
        "status": "requested",
        "asked_by": recorded.envelope.actor,
        "cancel_requested": False,
        "attempts": 0,
        "model": None,
        "agent": None,
        "fail_reason": None,
        "fail_message": "",
        "partial": "",
        "finish_reason": None,
        "manifest": {},
        "input_tokens": 0,
        "output_tokens": 0,
        "cached_tokens": 0,
        "cost_usd": None,
        "usage_estimated": False,
        "requested_seq": recorded.seq,
        "requested_at": at,
        "started_at": None,
        "started_seq": None,
        "ended_at": None,
        "ended_seq": None,
        "first_token_ms": None,
        "total_ms": None,
        "seq": recorded.seq,
    }
    beside = (*session, values["message_id"] or "")

    def derive(look: Look) -> Derived:
        chat, other = look(("chats", (*session, chat_id))) or {}, look(("messages", beside))
        opening = values["purpose"] == "regenerate" and values["prompt_id"] is None and other is not None
        return {"chat_type": chat["chat_type"], "after_seq": other["after_seq"] if opening and other else None}, ()

    reads = (("messages", beside),) if values["message_id"] else ()
    return Put("replies", (*session, reply_id), values, derive=derive, reads=reads)


def requested(recorded: Recorded, e: ReplyRequested, session: Key, at: datetime) -> Put:
    """A reply that nothing was said for."""
    facts = {"purpose": e.purpose, "prompt_id": e.parent, "message_id": e.message_id, "asked_agent": e.agent}
    return asked(recorded, e.reply_id, e.chat_id, session, at, **facts)


def started(e: ReplyStarted, session: Key, at: datetime, seq: int) -> Edit:
    """An attempt has begun, unless a later one has, or the reply has ended."""
    values: Row = {"status": "running", "attempts": e.attempt, "model": e.model, "agent": e.agent or None}
    values |= {"manifest": clean(e.manifest.model_dump()), "started_at": at, "started_seq": seq, "seq": seq}
    return Edit("replies", (*session, e.reply_id), values, {}, is_open_before(e.attempt))


def completed(e: ReplyCompleted, session: Key, at: datetime, seq: int) -> Edit:
    """The reply has ended with a message, or without one if it was cancelled before its first word."""
    status = "cancelled" if e.finish_reason == "cancelled" else "completed"
    values = {"status": status, "finish_reason": e.finish_reason, **_timing(e)}
    if not e.content:
        return _ended(e, session, at, seq, values)
    who = e.agent or e.model
    said: Row = {"role": "assistant", "author": who, "author_name": who, "content": clean(e.content), "metadata": {}}
    said |= {"parent": e.parent, "agent": e.agent or None, "model": e.model, "finish_reason": e.finish_reason}
    answer = message(session, e.reply_id, e.chat_id, {**said, **spent(e.usage)}, at, seq)
    return _ended(e, session, at, seq, values, answer)


def failed(e: ReplyFailed, session: Key, at: datetime, seq: int) -> Edit:
    """The reply has ended without an answer; what it cost counts all the same."""
    said = {"fail_reason": e.reason, "fail_message": clean(e.message), "partial": clean(e.partial)}
    return _ended(e, session, at, seq, {"status": "failed", **said})


def finalized(e: PlanFinalized, session: Key, at: datetime, seq: int) -> Edit:
    """The reply has ended with a plan."""
    key, chat = (*session, e.reply_id), (*session, e.chat_id)
    facts = {"chat_id": e.chat_id, "title": clean(e.title), "summary": clean(e.summary), "created_at": at}
    parts = [
        Put("plan_modules", (*key, place), {**clean(module.model_dump()), "seq": seq})
        for place, module in enumerate(e.modules, start=1)
    ]
    plan = Put("plans", key, {**facts, "model": e.model, "agent": e.agent, "seq": seq}, tuple(parts))
    done = Edit("chats", chat, {"status": "finalized", "seq": seq}, {}, derive=_first_finalized(at))
    return _ended(e, session, at, seq, {"status": "completed", "finish_reason": "stop", **_timing(e)}, plan, done)


def switched(recorded: Recorded, e: AgentSwitched, session: Key, at: datetime) -> list[Change]:
    """Another agent answers in the chat, and the switch is on record."""
    chat, seq = (*session, e.chat_id), recorded.seq
    now: Row = {"agent": e.agent, "last_switch_at": at, "seq": seq}
    facts: Row = {"chat_id": e.chat_id, "from_agent": e.previous, "to_agent": e.agent, "switched_at": at}
    facts |= {"reason": clean(e.reason), "metadata": clean(e.metadata), "reply_id": e.reply_id, "seq": seq}
    return [
        Edit("chats", chat, {"agent": e.agent, "seq": seq}, {}),
        Put("agent_contexts", chat, {**now, "switch_count": 0}),
        Edit("agent_contexts", chat, now, {"switch_count": 1}),
        Put("agent_switches", (*session, seq), {**facts, "switched_by": recorded.envelope.actor}),
    ]


def _ended(
    e: ReplyCompleted | ReplyFailed | PlanFinalized, session: Key, at: datetime, seq: int, values: Row, *then: Change
) -> Edit:
    cost = spent(e.usage)
    model = {"model": e.model} if e.model else {}
    agent = {} if isinstance(e, ReplyFailed) else {"agent": e.agent or None}
    row = {**values, **cost, **model, **agent, "ended_at": at, "ended_seq": seq, "seq": seq}
    amounts = {name: cost[name] for name in ("input_tokens", "output_tokens", "cached_tokens")}
    amounts["cost_usd"] = cost["cost_usd"] or 0
    in_session = Edit("sessions", session, {}, {**amounts, f"replies_{values['status']}": 1})
    in_chat = Edit("chats", (*session, e.chat_id), {"seq": seq}, amounts)
    attempt = e.attempt

    def attempts(reply: Row) -> Row:
        return {"attempts": max(reply["attempts"], attempt)}

    return Edit("replies", (*session, e.reply_id), row, {}, is_open, (*then, in_session, in_chat), attempts)


def _first_finalized(at: datetime) -> Callable[[Row], Row]:
    return lambda chat: {"finalized_at": chat["finalized_at"] or at}


def _timing(e: ReplyCompleted | PlanFinalized) -> Row:
    return {"first_token_ms": e.first_token_ms, "total_ms": e.total_ms}
