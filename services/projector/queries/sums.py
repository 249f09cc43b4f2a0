"""Counts and sums: of a session, of what replies cost, of how planning goes."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, extract, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.projector import requests
from services.projector.tables import chats, messages, participants, replies, sessions
from shared import errors
from shared.fold import shapes
from shared.session.evolve import PLANNING_CHAT

MAX_ROWS = 1000
ROLES = ("user", "assistant", "system", "tool")
_COUNTS = ("replies", "input_tokens", "output_tokens", "cached_tokens")


async def stats(connection: AsyncConnection, request: requests.Session, _at: int) -> dict[str, Any]:
    """`{messages: {total, by_role}, chats, participants, input_tokens, output_tokens, cached_tokens, cost_usd,
    replies: {completed, failed, cancelled}, last_message, created_at, last_activity}`: counted as events come.

    Raises:
        NotFound: there is no such session.
    """
    of = request.session_id
    threads = select(func.count()).select_from(chats).where(chats.c.session_id == of).scalar_subquery()
    people = select(func.count()).select_from(participants).where(participants.c.session_id == of).scalar_subquery()
    query = select(sessions, threads.label("threads"), people.label("people")).where(sessions.c.session_id == of)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise errors.NotFound("session")
    newest = select(messages).where(messages.c.session_id == of, messages.c.message_id == row["last_message_id"])
    last = (await connection.execute(newest)).mappings().first()
    return {
        "messages": {"total": row["message_count"], "by_role": {role: row[f"{role}_messages"] for role in ROLES}},
        "chats": row["threads"],
        "participants": row["people"],
        **shapes.usage(row),
        "cost_usd": float(row["cost_usd"]),
        "replies": {how: row[f"replies_{how}"] for how in ("completed", "failed", "cancelled")},
        "last_message": shapes.message(last) if last else None,
        "created_at": shapes.time(row["created_at"]),
        "last_activity": shapes.time(row["last_activity"]),
    }


async def usage(connection: AsyncConnection, request: requests.Usage, _at: int) -> dict[str, Any]:
    """`{rows: [{key, replies, input_tokens, output_tokens, cached_tokens, cost_usd}], total, more}`, of replies that
    have ended. Days are of UTC and ascend; all else is in the order of tokens, the most first, up to a thousand.
    """
    keys: dict[str, ColumnElement[Any]] = {
        "chat": replies.c.chat_id,
        "chat_type": replies.c.chat_type,
        "model": func.coalesce(replies.c.model, ""),
        "user": replies.c.asked_by,
        "day": func.to_char(func.timezone("UTC", replies.c.ended_at), "YYYY-MM-DD"),
    }
    where = [replies.c.ended_at.is_not(None), *_within(replies.c.ended_at, request.since, request.until)]
    where += [replies.c.asked_by == request.user] if request.user is not None else []
    where += [replies.c.session_id == request.session_id] if request.session_id is not None else []
    key = keys[request.by].label("key")
    sums = _sums().where(*where)
    grouped = sums.add_columns(key).group_by(key).limit(MAX_ROWS + 1)
    most = func.sum(replies.c.input_tokens + replies.c.output_tokens).desc()
    grouped = grouped.order_by(key) if request.by == "day" else grouped.order_by(most, key)
    found = (await connection.execute(grouped)).mappings().all()
    total = (await connection.execute(sums)).mappings().one()
    rows = [{"key": row["key"], **_summed(row)} for row in found[:MAX_ROWS]]
    return {"rows": rows, "total": _summed(total), "more": len(found) > MAX_ROWS}


async def spent(connection: AsyncConnection, request: requests.Spent, _at: int) -> dict[str, Any]:
    """`{requests, tokens}`: how many replies the user has asked for, and the tokens of all that have ended."""
    used = func.coalesce(func.sum(replies.c.input_tokens + replies.c.output_tokens), 0)
    asked = func.count().filter(replies.c.requested_seq <= request.up_to_seq)
    query = select(asked, used).where(replies.c.asked_by == request.user, replies.c.requested_at >= request.since)
    count, total = (await connection.execute(query)).one()
    return {"requests": count, "tokens": int(total)}


async def analytics(connection: AsyncConnection, request: requests.Period, _at: int) -> dict[str, Any]:
    """How the planning chats that were opened in the period went: `{days: [{day, chats}], chats, finalized, messages,
    tokens, tokens_per_message, time_to_plan_s: {mean, median, p90}, unfinished, returns, returned}`.

    A return is a user's message after eight hours of silence in a chat without a plan; `returned` counts the chats that
    saw any. Times are null where there is no plan.
    """
    where = [chats.c.chat_type == PLANNING_CHAT[1], *_within(chats.c.created_at, request.since, request.until)]
    day = func.to_char(func.timezone("UTC", chats.c.created_at), "YYYY-MM-DD").label("day")
    daily = select(day, func.count().label("chats")).where(*where).group_by(day).order_by(day.desc()).limit(MAX_ROWS)
    took_s = extract("epoch", chats.c.finalized_at - chats.c.created_at)
    finalized = chats.c.finalized_at.is_not(None)
    query = select(
        func.count().label("chats"),
        func.count().filter(finalized).label("finalized"),
        func.count().filter(~finalized, chats.c.message_count > 0).label("unfinished"),
        func.coalesce(func.sum(chats.c.message_count), 0).label("messages"),
        func.coalesce(func.sum(chats.c.input_tokens + chats.c.output_tokens), 0).label("tokens"),
        func.coalesce(func.sum(chats.c.returns), 0).label("returns"),
        func.count().filter(chats.c.returns > 0).label("returned"),
        func.avg(took_s).filter(finalized).label("mean"),
        func.percentile_cont(0.5).within_group(took_s).filter(finalized).label("median"),
        func.percentile_cont(0.9).within_group(took_s).filter(finalized).label("p90"),
    ).where(*where)
    days = (await connection.execute(daily)).mappings().all()
    row = (await connection.execute(query)).mappings().one()
    counts = {name: int(row[name]) for name in ("chats", "finalized", "unfinished", "messages", "tokens", "returns")}
    each = round(counts["tokens"] / counts["messages"], 1) if counts["messages"] else None
    times = {name: None if row[name] is None else round(float(row[name]), 1) for name in ("mean", "median", "p90")}
    return {
        "days": [dict(one) for one in reversed(days)],
        **counts,
        "returned": row["returned"],
        "tokens_per_message": each,
        "time_to_plan_s": times,
    }


def _within(column: Column[Any], since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    return [*([column >= since] if since else []), *([column < until] if until else [])]


def _sums() -> Select[Any]:
    counted = [func.coalesce(func.sum(replies.c[name]), 0).label(name) for name in _COUNTS[1:]]
    return select(func.count().label("replies"), *counted, func.coalesce(func.sum(replies.c.cost_usd), 0).label("cost"))


def _summed(row: Any) -> dict[str, Any]:
    return {**{name: int(row[name]) for name in _COUNTS}, "cost_usd": float(row["cost"])}
