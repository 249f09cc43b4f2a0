"""The answers. Each is read in one snapshot of the database, and says with `at` of which position."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, ScalarSelect, Table, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.projector import live, pages, requests, shapes, store
from services.projector.progress import Progress
from services.projector.tables import chats, messages, objects, participants, replies, sessions
from shared.session.commands import PAYLOAD_BYTES

LARGE_HISTORY = 1000
PREVIEW_CHARS = 200
END = 2**62
MAX_UNREAD = 100


class Queries:
    """Any instance may answer: the database is the same."""

    def __init__(self, engine: AsyncEngine, progress: Progress) -> None:
        self._engine = engine
        self._progress = progress

    async def snapshot(self, request: requests.Snapshot) -> dict[str, Any]:
        """`{at, session, participants, chats, active_chat, messages, more, receipts, running}`; every event of the
        session up to the log position `at` is in it, and none after. Without such a session: `{at, session: null}`.
        """
        await self._progress.wait_for(request.min_seq)
        async with live.reading(self._engine) as connection:
            at = (await store.checkpoint(connection)).seq
            of = request.session_id
            session = (await connection.execute(select(sessions).where(sessions.c.session_id == of))).mappings().first()
            if session is None:
                return {"at": at, "session": None}
            people = select(participants).where(participants.c.session_id == of).order_by(participants.c.since_seq)
            threads = select(chats).where(chats.c.session_id == of).order_by(chats.c.created_seq)
            page = await pages.newest(connection, of, session["active_chat"], 50, END)
            persons = (await connection.execute(people)).mappings().all()
            return {
                "at": at,
                "session": shapes.session(session),
                "participants": [shapes.participant(row) for row in persons],
                "chats": [shapes.chat(row) for row in (await connection.execute(threads)).mappings()],
                "active_chat": session["active_chat"],
                "messages": page.messages,
                "more": page.more,
                "receipts": [shapes.receipt(row) for row in persons if row["read_seq"]],
                "running": [],
            }

    async def sessions(self, request: requests.Sessions) -> dict[str, Any]:
        """`{sessions, cursor, at}`, by their last activity, deleted ones left out; `cursor` is null at the end."""
        await self._progress.wait_for(request.min_seq)
        before = int(request.cursor) if request.cursor else END
        shown = [sessions.c.deleted_at.is_(None)]
        shown += [] if request.include_archived else [sessions.c.archived_at.is_(None)]
        people, threads = _count_of(participants), _count_of(chats)
        last = (sessions.c.session_id == messages.c.session_id) & (sessions.c.last_message_id == messages.c.message_id)
        columns = (messages.c.role.label("last_role"), messages.c.author, messages.c.author_name)
        preview = func.left(messages.c.content, PREVIEW_CHARS).label("preview")
        when = (messages.c.created_at.label("said_at"), messages.c.created_seq.label("said_seq"))
        query = (
            select(
                sessions,
                participants.c.role,
                people.label("people"),
                threads.label("threads"),
                _unread().label("unread"),
            )
            .add_columns(*columns, preview, *when)
            .join(participants, participants.c.session_id == sessions.c.session_id)
            .outerjoin(messages, last)
            .where(participants.c.user_id == request.user, sessions.c.active_seq < before, *shown)
            .order_by(sessions.c.active_seq.desc())
            .limit(request.limit + 1)
        )
        async with live.reading(self._engine) as connection:
            at = (await store.checkpoint(connection)).seq
            found = (await connection.execute(query)).mappings().all()
        listed = [_summary(row) for row in found[: request.limit]]
        cursor = str(found[request.limit - 1]["active_seq"]) if len(found) > request.limit else None
        return {"sessions": listed, "cursor": cursor, "at": at}

    async def target(self, request: requests.Target) -> dict[str, Any]:
        """`{target: {seq, author, ...}, at}`: where the message or object last changed. Null if there is none."""
        await self._progress.wait_for(request.min_seq)
        async with live.reading(self._engine) as connection:
            at = (await store.checkpoint(connection)).seq
            if request.target:
                key = (objects.c.session_id == request.session_id, objects.c.target == request.target)
                row = (await connection.execute(select(objects).where(*key))).mappings().first()
                return {"target": row and {"seq": row["seq"], "author": row["author"]}, "at": at}
            key = (messages.c.session_id == request.session_id, messages.c.message_id == request.message_id)
            row = (await connection.execute(select(messages).where(*key))).mappings().first()
        return {"target": row and shapes.target(row), "at": at}

    async def objects(self, request: requests.Objects) -> dict[str, Any]:
        """`{objects, cursor, at}`, by name; `cursor` is null on the last page."""
        await self._progress.wait_for(request.min_seq)
        query = (
            select(objects)
            .where(objects.c.session_id == request.session_id, objects.c.target > request.cursor)
            .order_by(objects.c.target)
            .limit(min(request.limit, pages.MAX_BYTES // PAYLOAD_BYTES) + 1)
        )
        async with live.reading(self._engine) as connection:
            at = (await store.checkpoint(connection)).seq
            found = (await connection.execute(query)).mappings().all()
        shown = shapes.within([shapes.shared_object(row) for row in found[: request.limit]], pages.MAX_BYTES)
        cursor = shown[-1]["target"] if len(shown) < len(found) else None
        return {"objects": shown, "cursor": cursor, "at": at}

    async def chat_history(self, request: requests.ChatHistory) -> dict[str, Any]:
        """`{messages, total, more, large_history, at}`, ascending; `more` in the direction of reading."""
        await self._progress.wait_for(request.min_seq)
        async with live.reading(self._engine) as connection:
            at = (await store.checkpoint(connection)).seq
            total = await _total(connection, request.session_id, request.chat_id)
            place = (connection, request.session_id, request.chat_id, request.limit)
            if request.after is not None:
                page = await pages.following(*place, request.after)
            else:
                page = await pages.newest(*place, request.before or END)
        large = total > LARGE_HISTORY
        return {"messages": page.messages, "total": total, "more": page.more, "large_history": large, "at": at}

    async def context(self, request: requests.ChatContext) -> dict[str, Any]:
        """`{messages, more, ai_context, at}`: the newest messages up to a position, in ascending order, none redacted;
        and the chat's settings over the session's.
        """
        await self._progress.wait_for(request.min_seq)
        async with live.reading(self._engine) as connection:
            at = (await store.checkpoint(connection)).seq
            before = request.up_to_seq + 1
            page = await pages.newest(connection, request.session_id, request.chat_id, request.limit, before)
            settings = await _ai_context(connection, request.session_id, request.chat_id)
        shown = [message for message in page.messages if not message["redacted"]]
        return {"messages": shown, "more": page.more, "ai_context": settings, "at": at}

    async def open_replies(self, request: requests.OpenReplies) -> dict[str, Any]:
        """`{replies, at}`: what was asked for and has not ended, the oldest first."""
        await self._progress.wait_for(request.min_seq)
        asked_before = datetime.now(UTC) - timedelta(seconds=request.older_than_s)
        query = (
            select(replies)
            .where(replies.c.status.in_(("requested", "running")), replies.c.requested_at <= asked_before)
            .order_by(replies.c.requested_seq)
            .limit(request.limit)
        )
        async with live.reading(self._engine) as connection:
            at = (await store.checkpoint(connection)).seq
            found = (await connection.execute(query)).mappings().all()
        return {"replies": [shapes.reply(row) for row in found], "at": at}


async def _ai_context(connection: AsyncConnection, session_id: str, chat_id: str) -> dict[str, Any]:
    query = (
        select(sessions.c.ai_context.op("||")(chats.c.ai_context))
        .join(chats, chats.c.session_id == sessions.c.session_id)
        .where(chats.c.session_id == session_id, chats.c.chat_id == chat_id)
    )
    return (await connection.execute(query)).scalar() or {}


async def _total(connection: AsyncConnection, session_id: str, chat_id: str) -> int:
    query = select(chats.c.message_count).where(chats.c.session_id == session_id, chats.c.chat_id == chat_id)
    return (await connection.execute(query)).scalar() or 0


def _count_of(table: Table) -> ScalarSelect[int]:
    rows = select(func.count()).select_from(table).where(table.c.session_id == sessions.c.session_id)
    return rows.correlate(sessions).scalar_subquery()


def _unread() -> ScalarSelect[int]:
    """What others have said since the participant came and read, counted up to a hundred."""
    said = messages.alias()
    seen = func.greatest(participants.c.read_seq, participants.c.since_seq)
    by_others = or_(said.c.role == "assistant", said.c.author != participants.c.user_id)
    rows = (
        select(said.c.message_id)
        .where(said.c.session_id == sessions.c.session_id, said.c.created_seq > seen, by_others, ~said.c.redacted)
        .limit(MAX_UNREAD)
        .correlate(sessions, participants)
        .subquery()
    )
    return select(func.count()).select_from(rows).scalar_subquery()


def _summary(row: RowMapping) -> dict[str, Any]:
    last = None
    if row["said_seq"] is not None:
        last = {"role": row["last_role"], "author": row["author"], "author_name": row["author_name"]}
        last |= {"content": row["preview"], "time": shapes.time(row["said_at"]), "seq": row["said_seq"]}
    facts = {
        **shapes.session(row),
        "role": row["role"],
        "active_chat": row["active_chat"],
        "last_message": last,
        "unread": row["unread"],
    }
    return {**facts, "chats": row["threads"], "participants": row["people"]}
