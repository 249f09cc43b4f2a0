"""A session as a participant opens it: in one round trip, and flat in the length of the conversation."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.projector import pages, requests
from services.projector.pages import END
from services.projector.tables import chats, participants, plan_modules, plans, receipts, sessions, tracks
from shared.fold import shapes
from shared.fold.bounds import MESSAGES, bounded


async def snapshot(connection: AsyncConnection, request: requests.Snapshot, _at: int) -> dict[str, Any]:
    """`{session, track, participants, chats, plans, active_chat, messages, more, failed, switches, receipts, running}`;
    every event of the session up to the log position `at` is in it, and none after. Without such a session:
    `{session: null}`.
    """
    of = request.session_id
    session = (await connection.execute(select(sessions).where(sessions.c.session_id == of))).mappings().first()
    if session is None:
        return {"session": None}
    page = await pages.newest(connection, of, session["active_chat"], MESSAGES, END)
    people = select(participants).where(participants.c.session_id == of).order_by(participants.c.since_seq)
    threads = select(chats).where(chats.c.session_id == of).order_by(chats.c.created_seq)
    read = select(receipts).where(receipts.c.session_id == of).order_by(receipts.c.user_id)
    opened = (await connection.execute(threads)).mappings().all()
    has_plan = any(row["status"] == "finalized" for row in opened)
    shown = {
        "session": shapes.session(session),
        "track": await track(connection, of) if session["kind"] == "track" else None,
        "participants": [shapes.participant(row) for row in (await connection.execute(people)).mappings()],
        "chats": [shapes.chat(row) for row in opened],
        "plans": await newest_plans(connection, of) if has_plan else [],
        "active_chat": session["active_chat"],
        "messages": page.messages,
        "more": page.more,
        **await pages.asides(connection, of, session["active_chat"], page),
        "receipts": [shapes.receipt(row) for row in (await connection.execute(read)).mappings()],
        "running": [],
    }
    return bounded(shown)


async def track(connection: AsyncConnection, session_id: str) -> dict[str, Any] | None:
    """What the session is to come to, if it is of kind `track`."""
    row = (await connection.execute(select(tracks).where(tracks.c.session_id == session_id))).mappings().first()
    return shapes.track(row) if row else None


async def newest_plans(connection: AsyncConnection, session_id: str) -> list[dict[str, Any]]:
    """The newest plan of each chat that has one, with its modules."""
    newest = select(func.max(plans.c.seq)).where(plans.c.session_id == session_id).group_by(plans.c.chat_id).subquery()
    query = (
        select(plans)
        .where(plans.c.session_id == session_id, plans.c.seq.in_(select(newest.c[0])))
        .order_by(plans.c.seq)
    )
    found = (await connection.execute(query)).mappings().all()
    return [shapes.plan(row, await _modules(connection, row)) for row in found]


async def _modules(connection: AsyncConnection, plan: RowMapping) -> Sequence[RowMapping]:
    of = (plan_modules.c.session_id == plan["session_id"], plan_modules.c.reply_id == plan["reply_id"])
    return (await connection.execute(select(plan_modules).where(*of).order_by(plan_modules.c.place))).mappings().all()
