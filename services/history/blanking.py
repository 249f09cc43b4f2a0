"""What a `content.erased` does to the rows of the log, in the transaction that appends it."""

from typing import Any

import asyncpg

from services.history import sql
from services.history.entry import Columns, Entry
from services.history.order import Order, order_of
from shared.events import ContentErased


def orders(entries: list[Entry], read: list[Columns], originals: list[int | None]) -> list[Order]:
    """What the entries order. Second copies and what is no event order nothing."""
    return [
        order_of(entry.seq, entry.subject, entry.body)
        for entry, it, original in zip(entries, read, originals, strict=True)
        if it.type == ContentErased.TYPE and original is None and entry.body is not None
    ]


async def blank(raw: "asyncpg.connection.Connection[Any]", given: list[Order]) -> None:
    """The bodies are gone from the log, once the transaction is through. The database refuses any other change."""
    for order in given:
        await raw.execute(sql.BLANK, order.seq, order.session_id, list(order.remains), list(order.remains.values()))
