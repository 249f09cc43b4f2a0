"""Reading the log for others: pages by position, bounded in bytes."""

import sys
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import BaseModel, Field
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import sql
from services.history.log import Head, read_head

MAX_PAGE_BYTES = 768 * 1024  # below the bus's payload limit of 1 MiB, with room for what surrounds the bodies
LONGEST_NAME = 4096  # characters; of what is larger than a page, nothing is told that is longer

Most = Callable[[], int]


class Read(BaseModel):
    """Events after a position; of one session, or of all."""

    session_id: str | None = None
    after: int = Field(0, ge=0)
    limit: int = Field(200, ge=1, le=1000)
    max_bytes: int = Field(512 * 1024, ge=1, le=MAX_PAGE_BYTES)


class Exists(BaseModel):
    """Has this actor published this id?"""

    actor: str
    id: str


class Pages:
    """What the log says, as JSON. Any instance may answer: the database is the same.

    No answer has more bytes than `most` says: a bus does not carry it, and who asked would never get past that event.
    """

    def __init__(self, engine: AsyncEngine, most: Most = lambda: sys.maxsize) -> None:
        self._engine = engine
        self._most = most

    async def read(self, request: Read) -> bytes:
        """`{events: [...], next, at, epoch}`: `next` is the `after` of the next page, null if this was the last.

        Without `next`, every matching event up to `at` is contained. At least one event, however large it is. Of an
        erased one: `erased: true`, no body, and as `remains` the body without what was said. Of one that is no event:
        `malformed: true`, no body, and as `raw` the body in base64. One that alone is more than an answer can be comes
        without all that: `too_large: true`, and as `body_bytes` (or `raw_bytes`, `remains_bytes`) how much it is.
        """
        statement = sql.READ_ALL if request.session_id is None else sql.READ_SESSION
        async with self._engine.connect() as connection:
            head = await read_head(connection)
            rows = (await connection.execute(text(statement), request.model_dump())).all()
        more = bool(rows) and len(rows) < rows[0].waiting
        answer = _page(rows, more, head)
        while len(answer) > self._most() and len(rows) > 1:  # base64 and escapes make more of some events
            rows, more = rows[: len(rows) // 2], True
            answer = _page(rows, more, head)
        return answer if len(answer) <= self._most() else _page(rows, more, head, _without_body)

    async def head(self) -> dict[str, Any]:
        """`{seq, epoch, hash, time, time_ns}`; the time is the stream's, of the last event, null without one."""
        async with self._engine.connect() as connection:
            return _head(await read_head(connection))

    async def exists(self, request: Exists) -> bytes:
        """`{exists, seq, session_id, type, body, head: {seq, epoch, hash, time, time_ns}}`; `erased: true` if it was.

        A body that is more than an answer can be is left out: `too_large: true`, and its `body_bytes`. The head is as
        of before the search: what it says of the age of the answer is never too young.
        """
        async with self._engine.connect() as connection:
            head = await read_head(connection)
            row = (await connection.execute(text(sql.FIND_EVENT), request.model_dump())).first()
        found: dict[str, Any] = {"exists": row is not None, "seq": None, "session_id": None, "type": None, "body": None}
        if row is not None:
            found |= {"seq": row.seq, "session_id": row.session_id, "type": row.type, "body": _fragment(row.body)}
            found |= {"erased": True} if row.body is None else {}
        answer = orjson.dumps({"ok": {**found, "head": _head(head)}})
        if row is None or len(answer) <= self._most():
            return answer
        found |= {"body": None, "too_large": True, "body_bytes": len(row.body or b"")}
        return orjson.dumps({"ok": {**found, "head": _head(head)}})


def _head(head: Head) -> dict[str, Any]:
    time = None if head.time_ns is None else datetime.fromtimestamp(head.time_ns / 10**9, UTC).isoformat()
    return {"seq": head.seq, "epoch": head.epoch, "hash": head.hash.hex(), "time": time, "time_ns": head.time_ns}


def _fragment(body: bytes | None) -> orjson.Fragment | None:
    return None if body is None else orjson.Fragment(body)


def _event(row: Row[Any]) -> dict[str, Any]:
    event: dict[str, Any] = {
        "seq": row.seq,
        "session_id": row.session_id,
        "id": row.event_id,
        "actor": row.actor,
        "type": row.type,
        "time_ns": row.stream_time_ns,
        "body": None if row.malformed else _fragment(row.body),
    }
    if row.reply_id is not None:
        event["reply_id"] = row.reply_id
    if row.duplicate_of is not None:
        event["duplicate_of"] = row.duplicate_of
    if row.body is None:
        event |= {"erased": True, "remains": _fragment(row.remains)}
    elif row.malformed:
        event |= {"malformed": True, "raw": b64encode(row.body).decode()}
    return event


def _without_body(row: Row[Any]) -> dict[str, Any]:
    event = _event(row)
    what = next(name for name in ("raw", "remains", "body") if event.get(name) is not None or name == "body")
    stored = row.remains if row.body is None else row.body
    kept = {name: None if isinstance(it, str) and len(it) > LONGEST_NAME else it for name, it in event.items()}
    return {**kept, what: None, "too_large": True, f"{what}_bytes": len(stored or b"")}


def _page(
    rows: Sequence[Row[Any]], more: bool, head: Head, told: Callable[[Row[Any]], dict[str, Any]] = _event
) -> bytes:
    events = [told(row) for row in rows]
    page = {"events": events, "next": rows[-1].seq if more else None, "at": head.seq, "epoch": head.epoch}
    return orjson.dumps({"ok": page})
