"""Which events an order to erase is about."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history.erasing import statements
from shared import db, errors
from shared.events import MessageEdited, MessagePosted, Remains, ReplyCompleted, ReplyStarted
from shared.events.base import SessionId, UserId
from shared.events.remains import remains, says_something

AT_ONCE: Final = 250  # events of one `content.erased`
AT_ONCE_BYTES: Final = 256 * 1024
_FETCH: Final = 200


class EraseOrder(BaseModel):
    """What is to be erased: messages with their edits, all that a user said with the answers to it, or everything.

    `by` and `reason` go on record, for ever. With `expected_seq`, only if that is the session's last position in the
    stream, 0 where none is left there.
    """

    model_config = ConfigDict(frozen=True)

    session_id: SessionId
    message_ids: list[str] = Field(default=[], max_length=1000)
    user: UserId | None = None
    everything: bool = False
    reason: str = Field(min_length=1, max_length=1000)
    by: UserId = "operator"
    expected_seq: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.message_ids) + (self.user is not None) + self.everything != 1:
            raise ValueError("name messages, a user, or everything: exactly one of them")
        if "\x00" in self.reason + self.by:
            raise ValueError("there is a NUL in it")
        return self


@dataclass(slots=True)
class Batch:
    """Some of the events, in order, as many as one `content.erased` holds: all of them up to `last`."""

    remains: list[Remains]
    message_ids: list[str]
    last: int


class Selection:
    """Goes through the session once, from the beginning, batch by batch; what is erased already is passed over."""

    def __init__(self, engine: AsyncEngine, order: EraseOrder) -> None:
        self._engine = engine
        self._order = order
        self._after = 0
        self._gone: set[int] = set()

    async def check(self) -> None:
        """The order makes sense.

        Raises:
            NotFound: the session, or one of the messages, is not in the log.
            Conflict: an answer to something that is to be erased is being written, and would repeat it.
        """
        order = self._order
        async with db.snapshot(self._engine) as connection:
            found = (await connection.execute(statements.KNOWN, {"session_id": order.session_id})).first()
            if found is None:
                raise errors.NotFound(f"the session {order.session_id} has no event in the log")
            ids = {"session_id": order.session_id, "ids": order.message_ids}
            known = set((await connection.execute(statements.MESSAGES, ids)).scalars())
            if missing := set(order.message_ids) - known:
                raise errors.NotFound(f"not in this session: {', '.join(sorted(missing))}")
            erased = await connection.execute(statements.ERASED, {"session_id": order.session_id})
            self._gone = set(erased.scalars())
            about = {**ids, "user": order.user, "everything": order.everything}
            if waiting := (await connection.execute(statements.OPEN_REPLIES, about)).scalars().all():
                raise errors.Conflict(f"replies are on their way, wait or cancel them first: {', '.join(waiting)}")

    async def next(self) -> Batch | None:
        """The next events; None if there are no more."""
        batch, size = Batch([], [], self._after), 0
        async with db.snapshot(self._engine) as connection:
            await connection.execute(statements.BEGIN)
            raw = await db.driver(connection)
            order = self._order
            about = (order.session_id, self._after, order.everything, order.user, order.message_ids)
            cursor = await raw.cursor(statements.CANDIDATES, *about)
            while rows := await cursor.fetch(_FETCH):
                for row in rows:
                    if (taken := self._taken(row)) is not None:
                        size += len(taken.model_dump_json())
                        if len(batch.remains) == AT_ONCE or (batch.remains and size > AT_ONCE_BYTES):
                            return batch
                        batch.remains.append(taken)
                        self._gone.add(taken.seq)
                        batch.message_ids += _message_of(row)
                    batch.last = row["seq"]
        return batch if batch.remains else None

    def took(self, batch: Batch) -> None:
        """That one is erased: go on behind it."""
        self._after = batch.last

    def _taken(self, row: Any) -> Remains | None:
        body = None if row["malformed"] else orjson.loads(row["body"])
        if body is not None and not (says_something(body) and self._is_about(row["type"], body, row["chosen"])):
            return None
        if body is None and not row["chosen"]:
            return None
        left = remains(body) if body is not None else None
        return Remains(seq=row["seq"], time_ns=row["stream_time_ns"], digest=row["body_digest"].hex(), body=left)

    def _is_about(self, kind: str, body: dict[str, Any], chosen: bool) -> bool:
        if chosen:
            return True
        data = body.get("data", {})
        if kind == MessageEdited.TYPE:
            return data.get("message_id") in self._order.message_ids
        if kind == ReplyStarted.TYPE:  # the digest of what a model saw would tell whoever guesses the text
            return not self._gone.isdisjoint(_numbers(data.get("manifest", {}).get("seqs", [])))
        return False


def _numbers(seqs: Iterable[Any]) -> set[int]:
    return {seq for seq in seqs if isinstance(seq, int)}


def _message_of(row: Any) -> list[str]:
    if row["type"] == MessagePosted.TYPE:
        return [row["event_id"]]
    return [row["reply_id"]] if row["type"] == ReplyCompleted.TYPE and row["reply_id"] else []
