"""What was said: pages of a chat, the thread that leads to a message, and what a message said before."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, RowMapping, Select, and_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.projector import pages, requests
from services.projector.pages import END
from services.projector.queries.snapshot import track
from services.projector.tables import chats, message_revisions, messages, objects, sessions
from shared import errors
from shared.fold import shapes
from shared.fold.bounds import MAX_BYTES, ROW_BYTES

LARGE_HISTORY = 1000
MAX_REVISIONS = 200
CHARS_PER_TOKEN = 4
OVERHEAD_TOKENS = 4  # per message


async def chat_history(connection: AsyncConnection, request: requests.ChatHistory, _at: int) -> dict[str, Any]:
    """`{messages, total, more, large_history, failed, switches}`, ascending; `more` in the direction of reading."""
    counted = select(chats.c.message_count).where(
        chats.c.session_id == request.session_id, chats.c.chat_id == request.chat_id
    )
    total = (await connection.execute(counted)).scalar() or 0
    place = (connection, request.session_id, request.chat_id, request.limit)
    if request.after is not None:
        page = await pages.following(*place, request.after)
    else:
        page = await pages.newest(*place, request.before or END)
    between = await pages.asides(*place[:3], page, request.before or END, request.after)
    facts = {"messages": page.messages, "total": total, "more": page.more, "large_history": total > LARGE_HISTORY}
    return {**facts, **between}


async def context(connection: AsyncConnection, request: requests.ChatContext, _at: int) -> dict[str, Any]:
    """`{messages, more, chat_type, agent, ai_context, kind, track}`.

    The messages are the thread that ends with the one asked about, in ascending order, none of them redacted or erased.
    Answers to earlier ones that were finished after it are there, too. `ai_context` is the chat's over the session's.
    """
    thread, more = await _thread(connection, request)
    if request.message_id is not None and thread:
        thread += await _answers_meanwhile(connection, request, thread)
    settings = await _settings(connection, request.session_id, request.chat_id)
    said = [_told(row) for row in thread if not (row["redacted"] or row["erased"])]
    shown = shapes.newest_within(said[::-1], MAX_BYTES)  # as JSON, which may be much more than its texts
    return {
        "messages": shown,
        "more": more or len(shown) < len(said),
        **settings,
        "track": await track(connection, request.session_id),
    }


def _told(row: RowMapping) -> dict[str, Any]:
    """The message without its metadata: no model is shown that, and two hundred of them may be more than all texts."""
    return {name: value for name, value in shapes.message(row).items() if name != "metadata"}


async def _thread(connection: AsyncConnection, request: requests.ChatContext) -> tuple[list[RowMapping], bool]:
    walk = _walk(request)
    fits = [walk.c.place <= request.limit, walk.c.size <= MAX_BYTES]
    fits += [walk.c.tokens <= request.max_tokens] if request.max_tokens else []
    found = (
        select(messages, walk.c.before.label("before"))
        .join(walk, and_(_in_chat(request), messages.c.created_seq == walk.c.seq))
        .where(or_(walk.c.place == 1, and_(*fits)))
        .order_by(walk.c.place)
    )
    rows = (await connection.execute(found)).mappings().all()
    return list(reversed(rows)), bool(rows) and rows[-1]["before"] > 0


def _walk(request: requests.ChatContext) -> CTE:
    """From the last message back, one by one, for as long as there is room: a recursive query."""
    said = messages.c
    size = (func.octet_length(said.content) + ROW_BYTES).label("size")
    tokens = (func.char_length(said.content) / CHARS_PER_TOKEN + 1 + OVERHEAD_TOKENS).label("tokens")
    first = (
        select(said.created_seq.label("seq"), said.after_seq.label("before"), literal(1).label("place"), size, tokens)
        .where(_in_chat(request), *_last(request))
        .order_by(said.created_seq.desc())
        .limit(1)
    )
    walk = first.cte("walk", recursive=True)
    room = [walk.c.place < request.limit, walk.c.size <= MAX_BYTES]
    room += [walk.c.tokens <= request.max_tokens] if request.max_tokens else []
    following: Select[Any] = select(
        said.created_seq, said.after_seq, walk.c.place + 1, walk.c.size + size, walk.c.tokens + tokens
    ).join(walk, and_(_in_chat(request), said.created_seq == walk.c.before, *room))
    return walk.union_all(following)


def _last(request: requests.ChatContext) -> list[ColumnElement[bool]]:
    if request.message_id is not None:
        return [messages.c.message_id == request.message_id]
    return [messages.c.created_seq <= request.up_to_seq]


def _in_chat(request: requests.ChatContext) -> ColumnElement[bool]:
    return and_(messages.c.session_id == request.session_id, messages.c.chat_id == request.chat_id)


async def _answers_meanwhile(
    connection: AsyncConnection, request: requests.ChatContext, thread: list[RowMapping]
) -> list[RowMapping]:
    said, last_seq = messages.c, thread[-1]["created_seq"]
    query = (
        select(messages)
        .where(_in_chat(request), said.role == "assistant", said.created_seq > last_seq, said.after_seq >= last_seq)
        .where(said.follows.in_([row["message_id"] for row in thread[:-1]]), said.created_seq <= request.up_to_seq)
        .order_by(said.created_seq.desc())
        .limit(max(0, request.limit - len(thread)))
    )
    rows = list((await connection.execute(query)).mappings())
    room = MAX_BYTES - sum(len(row["content"].encode()) + ROW_BYTES for row in thread)
    while rows and room < sum(len(row["content"].encode()) + ROW_BYTES for row in rows):
        rows.pop()
    return rows[::-1]


async def _settings(connection: AsyncConnection, session_id: str, chat_id: str) -> dict[str, Any]:
    merged = sessions.c.ai_context.op("||")(chats.c.ai_context).label("ai_context")
    query = (
        select(merged, chats.c.chat_type, chats.c.agent, sessions.c.kind)
        .join(chats, chats.c.session_id == sessions.c.session_id)
        .where(chats.c.session_id == session_id, chats.c.chat_id == chat_id)
    )
    row = (await connection.execute(query)).mappings().first()
    return dict(row) if row else {"ai_context": {}, "chat_type": None, "agent": None, "kind": None}


async def target(connection: AsyncConnection, request: requests.Target, _at: int) -> dict[str, Any]:
    """`{target: {seq, author, ...}}`: where the message or object last changed. Null if there is none."""
    if request.target:
        named = (objects.c.session_id == request.session_id, objects.c.target == request.target)
        row = (await connection.execute(select(objects).where(*named))).mappings().first()
        return {"target": row and {"seq": row["seq"], "author": row["author"]}}
    row = await _message(connection, request.session_id, request.message_id)
    return {"target": row and shapes.target(row)}


async def revisions(connection: AsyncConnection, request: requests.Revisions, _at: int) -> dict[str, Any]:
    """`{revisions: [{seq, time, author, content, metadata}], more}`: every wording, the present one last.

    Raises:
        NotFound: there is no such message.
    """
    row = await _message(connection, request.session_id, request.message_id)
    if row is None:
        raise errors.NotFound("message")
    of, key = message_revisions.c, (request.session_id, request.message_id)
    query = (
        select(message_revisions)
        .where(of.session_id == key[0], of.message_id == key[1])
        .order_by(of.replaced_seq.desc())
        .limit(MAX_REVISIONS)
    )
    found = (await connection.execute(query)).mappings().all()
    wordings = [shapes.wording(row), *(shapes.revision(earlier) for earlier in found)]
    kept = shapes.within(wordings, MAX_BYTES)
    more = len(kept) < len(wordings) or len(found) == MAX_REVISIONS
    return {"revisions": kept[::-1], "more": more}


async def _message(connection: AsyncConnection, session_id: str, message_id: str) -> RowMapping | None:
    query = select(messages).where(messages.c.session_id == session_id, messages.c.message_id == message_id)
    return (await connection.execute(query)).mappings().first()
