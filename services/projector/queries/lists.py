"""Lists: a user's sessions, with unread counts, filtered and searched; and the shared objects of a session."""

import re
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    RowMapping,
    ScalarSelect,
    Table,
    and_,
    cast,
    exists,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from services.projector import requests
from services.projector.columns import LANGUAGE, WITHIN
from services.projector.pages import END
from services.projector.tables import chats, messages, objects, participants, receipts, replies, sessions
from shared import errors
from shared.fold import shapes
from shared.fold.bounds import MAX_BYTES
from shared.session.commands import PAYLOAD_BYTES

PREVIEW_CHARS = 200
MAX_UNREAD = 100
MATCHES = 1000
LOOKED_AT = 500  # messages a session, or one who never says how far they read would make the list slow
_DASHES = re.compile(r"-[^\w\"]*-")
_HEADLINE = "StartSel='', StopSel='', MaxWords=24, MinWords=8"
_HEADLINE_CHARS = 20_000  # of a message: what is found behind them is shown by the message's beginning


async def sessions_page(connection: AsyncConnection, request: requests.Sessions) -> list[RowMapping]:
    """One more than the page holds, by last activity; deleted ones are left out."""
    before = int(request.cursor) if request.cursor else END
    shown = [sessions.c.deleted_at.is_(None), *_filters(request)]
    people, threads = _count_of(participants), _count_of(chats)
    last = and_(sessions.c.session_id == messages.c.session_id, sessions.c.last_message_id == messages.c.message_id)
    read = and_(receipts.c.session_id == participants.c.session_id, receipts.c.user_id == participants.c.user_id)
    columns = (messages.c.role.label("last_role"), messages.c.author, messages.c.author_name)
    preview = func.left(messages.c.content, PREVIEW_CHARS).label("preview")
    when = (messages.c.created_at.label("said_at"), messages.c.created_seq.label("said_seq"))
    query = (
        select(sessions, participants.c.role, people.label("people"), threads.label("threads"))
        .add_columns(_unread().label("unread"), *columns, preview, *when)
        .join(participants, participants.c.session_id == sessions.c.session_id)
        .outerjoin(receipts, read)
        .outerjoin(messages, last)
        .where(participants.c.user_id == request.user, sessions.c.active_seq < before, *shown)
        .order_by(sessions.c.active_seq.desc())
        .limit(request.limit + 1)
    )
    return list((await connection.execute(query)).mappings())


async def sessions_list(connection: AsyncConnection, request: requests.Sessions, _at: int) -> dict[str, Any]:
    """`{sessions, cursor}`, by their last activity, deleted ones left out; `cursor` is null at the end.

    What is searched for is found in the order of the list, too: a page stays what it is while others talk.
    """
    found = await sessions_page(connection, request)
    page = found[: request.limit]
    listed = [_summary(row) for row in page]
    ids = [row["session_id"] for row in page]
    if request.with_chats:
        threads = await _chats(connection, ids)
        listed = [{**shape, "chats": threads.get(shape["session_id"], [])} for shape in listed]
    if request.query:
        matches = await _matches(connection, ids, request.query)
        listed = [{**shape, "match": matches.get(shape["session_id"])} for shape in listed]
    kept = shapes.within(listed, MAX_BYTES)
    more = len(kept) < len(found)
    return {"sessions": kept, "cursor": str(page[len(kept) - 1]["active_seq"]) if more else None}


async def chat(connection: AsyncConnection, request: requests.ChatOf, _at: int) -> dict[str, Any]:
    """`{session_id}` of the session of this user's that holds the chat; the first one, if somebody used its id again.

    Raises:
        NotFound: there is none.
    """
    query = (
        select(chats.c.session_id)
        .join(participants, participants.c.session_id == chats.c.session_id)
        .where(chats.c.chat_id == request.chat_id, participants.c.user_id == request.user)
        .order_by(chats.c.created_seq)
        .limit(1)
    )
    found = (await connection.execute(query)).scalar()
    if found is None:
        raise errors.NotFound("chat")
    return {"session_id": found}


async def reply(connection: AsyncConnection, request: requests.ReplyOf, _at: int) -> dict[str, Any]:
    """`{session_id}` of the session of this user's in which the reply was asked for.

    Raises:
        NotFound: there is none.
    """
    query = (
        select(replies.c.session_id)
        .join(participants, participants.c.session_id == replies.c.session_id)
        .where(replies.c.reply_id == request.reply_id, participants.c.user_id == request.user)
        .limit(1)
    )
    found = (await connection.execute(query)).scalar()
    if found is None:
        raise errors.NotFound("reply")
    return {"session_id": found}


async def objects_page(connection: AsyncConnection, request: requests.Objects, _at: int) -> dict[str, Any]:
    """`{objects, cursor}`, by name; `cursor` is null on the last page."""
    query = (
        select(objects)
        .where(objects.c.session_id == request.session_id, objects.c.target > request.cursor)
        .order_by(objects.c.target)
        .limit(min(request.limit, MAX_BYTES // PAYLOAD_BYTES) + 1)
    )
    found = (await connection.execute(query)).mappings().all()
    shown = shapes.within([shapes.shared_object(row) for row in found[: request.limit]], MAX_BYTES)
    return {"objects": shown, "cursor": shown[-1]["target"] if len(shown) < len(found) else None}


def _filters(request: requests.Sessions) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = [] if request.include_archived else [sessions.c.archived_at.is_(None)]
    chosen += [sessions.c.kind == request.kind] if request.kind else []
    chosen += [sessions.c.project == request.project] if request.project else []
    return [*chosen, _found(request.query)] if request.query else chosen


def _wanted(query: str) -> ColumnElement[Any]:
    """The words that are asked for. A ruled line is one `-`: PostgreSQL takes no more than some thirty together."""
    return func.websearch_to_tsquery(LANGUAGE, _DASHES.sub("-", query))


def _found(query: str) -> ColumnElement[bool]:
    """Sessions with these words in the title or in a message, or with this text in the title."""
    wanted = _wanted(query)
    by_text = exists().where(*_said(messages.alias(), wanted)).correlate(sessions)
    in_title = sessions.c.title.icontains(query, autoescape=True)
    return or_(sessions.c.words.op("@@")(wanted), in_title, by_text)


def _said(said: FromClause, wanted: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """In the session, with these words. The index on words knows the session; no other one is to be gone through."""
    here = cast(func.concat("'", func.chr(WITHIN), sessions.c.session_id, "'"), TSQUERY)
    asked = func.numnode(wanted) > 0  # of words that say nothing there is nothing left to ask
    return [asked, said.c.words.op("@@")(wanted.op("&&")(here)), said.c.session_id.concat("") == sessions.c.session_id]


async def _matches(connection: AsyncConnection, ids: list[str], query: str) -> dict[str, dict[str, Any]]:
    """A message of each session that the words are found in: the newest of the first thousand."""
    wanted, said = _wanted(query), messages.c
    some = (
        select(said.message_id, said.chat_id, said.created_seq, said.content)
        .where(*_said(messages, wanted))
        .limit(MATCHES)
        .correlate(sessions)
        .subquery()
    )
    newest = select(some).order_by(some.c.created_seq.desc()).limit(1).lateral("newest")
    shown = func.ts_headline(LANGUAGE, func.left(newest.c.content, _HEADLINE_CHARS), wanted, _HEADLINE)
    found = select(sessions.c.session_id, newest.c.message_id, newest.c.chat_id, newest.c.created_seq)
    found = found.add_columns(shown.label("shown")).join(newest, true()).where(sessions.c.session_id.in_(ids))
    rows = (await connection.execute(found)).mappings()
    return {
        row["session_id"]: {
            "id": row["message_id"],
            "chat_id": row["chat_id"],
            "seq": row["created_seq"],
            "text": row["shown"][: 2 * PREVIEW_CHARS],
        }
        for row in rows
    }


async def _chats(connection: AsyncConnection, ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    query = select(chats).where(chats.c.session_id.in_(ids)).order_by(chats.c.session_id, chats.c.created_seq)
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in (await connection.execute(query)).mappings():
        facts = {name: row[name] for name in ("chat_id", "name", "chat_type", "status", "message_count", "agent")}
        grouped.setdefault(row["session_id"], []).append(facts)
    return grouped


def _count_of(table: Table) -> ScalarSelect[int]:
    rows = select(func.count()).select_from(table).where(table.c.session_id == sessions.c.session_id)
    return rows.correlate(sessions).scalar_subquery()


def _unread() -> ScalarSelect[int]:
    """What others have said since the participant came and read: up to a hundred, among the newest five hundred."""
    said = messages.c
    seen = func.greatest(func.coalesce(receipts.c.read_seq, 0), participants.c.since_seq)
    newest = (
        select(said.role, said.author, said.redacted, said.erased)
        .where(said.session_id == sessions.c.session_id, said.created_seq > seen)
        .order_by(said.created_seq.desc())
        .limit(LOOKED_AT)
        .correlate(sessions, participants, receipts)
        .subquery()
    )
    by_others = or_(newest.c.role == "assistant", newest.c.author != participants.c.user_id)
    hidden = or_(newest.c.redacted, newest.c.erased)
    counted = select(func.count()).where(by_others, ~hidden).correlate(participants).scalar_subquery()
    return select(func.least(counted, MAX_UNREAD)).scalar_subquery()


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
