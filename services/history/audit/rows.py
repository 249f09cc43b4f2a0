"""The log as an auditor reads it: every column, in order, through a server-side cursor."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.history import entry
from services.history.chain import Anchor, Broken, Link
from shared import db, subjects

BATCH_ROWS = 1000
_LOWEST = -(2**63)  # a row at 0 or below was never appended, and must be seen

_ROWS: Final = """
SELECT seq, epoch, stream_time_ns, subject, body, body_digest, hash,
       session_id, event_id, actor, type, occurred_at, reply_id, malformed, duplicate_of, remains, erased_by
FROM log.events WHERE seq > $1 AND seq <= $2 ORDER BY seq
"""
_BEGIN: Final = text("SELECT 1")  # the transaction starts with a statement through SQLAlchemy
_HASH: Final = text("SELECT hash FROM log.events WHERE seq = :seq")
_ORIGINALS: Final = "SELECT seq, actor, event_id FROM log.events WHERE seq = ANY($1::bigint[])"


async def batches(connection: AsyncConnection, after: int, upto: int = 2**63 - 1) -> AsyncIterator[list[Any]]:
    """Rows behind `after`, up to `upto`, in lists of at most 1,000; within the transaction of `connection`."""
    await connection.execute(_BEGIN)
    raw = await db.driver(connection)
    cursor = await raw.cursor(_ROWS, after if after > 0 else _LOWEST, upto)
    while found := await cursor.fetch(BATCH_ROWS):
        yield found


async def anchor(connection: AsyncConnection, seq: int) -> Anchor:
    """The position `seq` as the log has it.

    Raises:
        Broken: it is missing.
    """
    if seq <= 0:
        return Anchor()
    stored = (await connection.execute(_HASH, {"seq": seq})).scalar_one_or_none()
    if stored is None:
        raise Broken(seq, "missing")
    return Anchor(seq, stored)


def link(row: Any) -> Link:
    """What the row contributes to the chain."""
    return Link(*row[:7])


def check_columns(row: Any) -> None:
    """The columns that others search by say what the subject and the body say.

    Raises:
        Broken: they do not. The chain covers subject and body; a changed column would hide or move an event.
    """
    token = subjects.session_of(row["subject"])  # older releases kept any that the database could compress
    if row["session_id"] not in (token, entry.session_of(row["subject"])):
        raise Broken(row["seq"], "the session is not the one it was published to")
    if row["body"] is not None and (row["erased_by"] is not None or row["remains"] is not None):
        raise Broken(row["seq"], "marked as erased, and its body is there")
    told = row["body"] if row["body"] is not None else row["remains"]
    if row["malformed"]:
        place = (row["seq"], row["stream_time_ns"], row["subject"])
        if told is not None and not entry.columns(entry.Entry(*place, told)).malformed:
            raise Broken(row["seq"], "marked as no event, and it is one")
        return
    if told is None:
        return  # whether it was erased on order is another question
    try:
        body = orjson.loads(told)
        said = (body["id"], body["actor"], body["type"], body["subject"], entry.reply_id(body))
        occurred_at = datetime.fromisoformat(body["time"])
    except (ValueError, LookupError, TypeError, AttributeError):
        raise Broken(row["seq"], "the body is no event, and it is not marked as such") from None
    stored_at = row["occurred_at"]
    if stored_at is not None and stored_at.tzinfo is None:  # so the driver gives the first and the last moment of all
        stored_at = stored_at.replace(tzinfo=UTC)
    known = (row["event_id"], row["actor"], row["type"], row["session_id"], row["reply_id"])
    if known != said or occurred_at != stored_at:
        raise Broken(row["seq"], "a column does not say what the body says")


async def check_duplicates(connection: AsyncConnection, rows: list[Any]) -> None:
    """Whatever is marked as a second copy has an earlier event with its actor and id.

    Raises:
        Broken: it has none, so the mark hides an event.
    """
    marked = [row for row in rows if row["duplicate_of"] is not None]
    if not marked:
        return
    raw = await db.driver(connection)
    found = await raw.fetch(_ORIGINALS, [row["duplicate_of"] for row in marked])
    originals = {one["seq"]: (one["actor"], one["event_id"]) for one in found}
    for row in marked:
        original = originals.get(row["duplicate_of"])
        if row["duplicate_of"] >= row["seq"] or original != (row["actor"], row["event_id"]):
            raise Broken(row["seq"], "marked as a second copy of what it is no copy of")
