"""Messages of a chat, page by page: bounded in number and in bytes, a page costs the same wherever it is.

Between its messages a page has the replies that failed there, and who answered after whom.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.projector.tables import agent_switches, messages, replies
from shared.fold import shapes
from shared.fold.bounds import ASIDE_BYTES, ASIDES, MAX_BYTES, ROW_BYTES

END = 2**62


@dataclass(frozen=True, slots=True)
class Page:
    """Messages in ascending order, and whether there are more in the direction of reading."""

    messages: list[dict[str, Any]]
    more: bool


async def asides(
    connection: AsyncConnection, session_id: str, chat_id: str, page: Page, before: int = END, after: int | None = None
) -> dict[str, Any]:
    """`{failed, switches}` of the stretch that the page covers, which was asked for `before` or `after` a position."""
    if after is None:
        first = page.messages[0]["seq"] - 1 if page.more else 0
        of = (connection, session_id, chat_id, first, before)
    else:
        of = (connection, session_id, chat_id, after, page.messages[-1]["seq"] if page.more else END)
    failed = await _between(*of, replies, "ended_seq", replies.c.status == "failed")
    switched = await _between(*of, agent_switches, "switched_seq")
    return {
        "failed": shapes.newest_within([shapes.failed(row) for row in failed], ASIDE_BYTES),
        "switches": shapes.newest_within([shapes.switch(row) for row in switched], ASIDE_BYTES),
    }


async def _between(
    connection: AsyncConnection,
    session_id: str,
    chat_id: str,
    after: int,
    before: int,
    table: Table,
    column: str,
    *where: ColumnElement[bool],
) -> list[Any]:
    at = table.c[column]
    of_chat = and_(table.c.session_id == session_id, table.c.chat_id == chat_id, at > after, at < before, *where)
    query = select(table).where(of_chat).order_by(at.desc()).limit(ASIDES)
    return list((await connection.execute(query)).mappings())


async def newest(connection: AsyncConnection, session_id: str, chat_id: str, limit: int, before: int) -> Page:
    """The last messages before a position."""
    page = await _read(connection, session_id, chat_id, limit, messages.c.created_seq < before, newest_first=True)
    return Page(page.messages[::-1], page.more)


async def following(connection: AsyncConnection, session_id: str, chat_id: str, limit: int, after: int) -> Page:
    """The first messages after a position."""
    return await _read(connection, session_id, chat_id, limit, messages.c.created_seq > after, newest_first=False)


async def _read(
    connection: AsyncConnection,
    session_id: str,
    chat_id: str,
    limit: int,
    where: ColumnElement[bool],
    *,
    newest_first: bool,
) -> Page:
    order = messages.c.created_seq.desc() if newest_first else messages.c.created_seq.asc()
    of_chat = and_(messages.c.session_id == session_id, messages.c.chat_id == chat_id, where)
    inner = select(messages).where(of_chat).order_by(order).limit(limit + 1).subquery()
    seq = inner.c.created_seq.desc() if newest_first else inner.c.created_seq.asc()
    # The database stops where the contents get too large: not even a chat of huge messages is read whole.
    size = func.sum(func.octet_length(inner.c.content) + ROW_BYTES).over(order_by=seq)
    place = func.row_number().over(order_by=seq)
    counted = select(inner, size.label("size"), place.label("place"), func.count().over().label("waiting")).subquery()
    fitting = or_(counted.c.place == 1, and_(counted.c.place <= limit, counted.c.size <= MAX_BYTES))
    found = (await connection.execute(select(counted).where(fitting).order_by(counted.c.place))).mappings().all()
    shown = shapes.within([shapes.message(row) for row in found], MAX_BYTES)
    return Page(shown, bool(found) and len(shown) < found[0]["waiting"])
