"""What a `content.erased` does to the rows of the log, in the transaction that appends it."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from services.history import sql
from services.history.entry import Columns, Entry
from shared import subjects
from shared.events import ContentErased, decode


@dataclass(frozen=True, slots=True)
class Order:
    """The event at `seq` orders that bodies of its session are erased; `remains` stand in their places."""

    seq: int
    session_id: str
    remains: dict[int, bytes | None]


def order_of(seq: int, subject: str, body: bytes) -> Order:
    """What the `content.erased` in `body` orders."""
    event = ContentErased.model_validate(decode(seq, body).envelope.data)
    left: dict[int, bytes | None] = dict.fromkeys(event.seqs)
    left |= {it.seq: orjson.dumps(it.body) for it in event.remains if it.body is not None and it.seq in left}
    return Order(seq, subjects.session_of(subject), left)


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
