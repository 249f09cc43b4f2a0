"""Is every body that is missing one that an event ordered to be erased, and is every one that it names gone?"""

from collections.abc import Iterable
from typing import Any, Final

import orjson
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.history.chain import Broken
from services.history.recovery.gaps import told
from shared import db, subjects
from shared.events import ContentErased, MalformedEventError, decode

_ORDERS: Final = "SELECT seq, subject, body FROM log.events WHERE seq = ANY($1::bigint[]) AND duplicate_of IS NULL"
_LEFT: Final = """
SELECT min(seq) FROM log.events
WHERE seq = ANY($1::bigint[]) AND session_id = $2 AND body IS NOT NULL AND type IS DISTINCT FROM 'content.erased.v1'
"""


async def check(connection: AsyncConnection, rows: list[Any]) -> int:
    """How many of the rows were erased, each on order, and with what is left of it as the order says.

    Raises:
        Broken: a body is missing that nobody ordered to be erased, or is there although somebody did.
    """
    gone = [row for row in rows if row["body"] is None]
    ordering = [row for row in rows if row["type"] == ContentErased.TYPE and not row["malformed"]]
    if not gone and not ordering:
        return 0
    raw = await db.driver(connection)
    orders = await raw.fetch(_ORDERS, sorted({row["erased_by"] for row in gone if row["erased_by"] is not None}))
    ordered = {order["seq"]: (order["subject"], _said(order)) for order in orders}
    for row in gone:
        subject, said = ordered.get(row["erased_by"], ("", {}))
        if subject != row["subject"] or row["seq"] not in said or not row["erased_by"] > row["seq"]:
            raise Broken(row["seq"], "the body is missing, and no event orders that it is erased")
        digest, left = said[row["seq"]]
        if digest not in ("", row["body_digest"].hex()) or left != row["remains"]:
            raise Broken(row["seq"], "what is left of it is not what the order to erase it says")
    for row in ordering:
        if row["duplicate_of"] is None and row["body"] is not None:
            await _is_done(raw, row)
    return len(gone)


async def _is_done(raw: Any, row: Any) -> None:
    named = [seq for seq in _said(row) if seq < row["seq"]]
    left = await raw.fetchval(_LEFT, named, subjects.session_of(row["subject"]))
    if left is not None:
        raise Broken(left, f"its body is there, and position {row['seq']} says that it was erased")


def _said(order: Any) -> dict[int, tuple[str, bytes | None]]:
    """By position the digest and what is left of each event that the order names."""
    try:
        event = ContentErased.model_validate(decode(order["seq"], order["body"]).envelope.data)
    except (MalformedEventError, ValidationError, TypeError):
        return {}
    said: dict[int, tuple[str, bytes | None]] = dict.fromkeys(event.seqs, ("", None))
    left = {it.seq: (it.digest, None if it.body is None else orjson.dumps(it.body)) for it in event.remains}
    return said | {seq: of for seq, of in left.items() if seq in said}


def gaps(rows: Iterable[Any]) -> int:
    """How many of the rows stand for positions that are on record as lost."""
    return sum(told(row["subject"], row["body"]) is not None for row in rows)
