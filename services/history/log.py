"""The log: appending is all that can be done to it.

The advisory lock only avoids work. What makes a second writer harmless is here: the head's row is locked, and a batch
that does not continue it is refused, in the transaction that would append it.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.history import blanking, chain, sql
from services.history.chain import Anchor
from services.history.entry import Columns, Entry, columns, session_of
from services.history.errors import ForeignEpoch, Hole, SchemaMissing
from shared import db


@dataclass(frozen=True, slots=True)
class Head:
    """How far the log reaches. `time_ns` is the stream's time of its last event, None while it is empty."""

    epoch: str
    seq: int
    hash: bytes
    time_ns: int | None


@dataclass(frozen=True, slots=True)
class Appended:
    """The log ends `at` now; `events` were new, `malformed` of them no events, `duplicates` second copies.

    `erasures` of them order erasures: in the log, those are done.
    """

    at: Anchor
    events: int
    malformed: int = 0
    duplicates: int = 0
    erasures: int = 0

    @property
    def seq(self) -> int:
        """Its last position."""
        return self.at.seq


async def head(engine: AsyncEngine) -> Head:
    """The head as it is.

    Raises:
        SchemaMissing: nobody has migrated the database.
    """
    async with engine.connect() as connection:
        return await read_head(connection)


async def read_head(connection: AsyncConnection) -> Head:
    """The head as this connection's transaction sees it."""
    try:
        row = (await connection.execute(text(sql.READ_HEAD))).one()
    except ProgrammingError as error:
        raise SchemaMissing(str(error.orig)) from error
    return Head(row.epoch, row.seq, row.hash, row.stream_time_ns)


async def append(engine: AsyncEngine, epoch: str, entries: list[Entry]) -> Appended:
    """Afterwards the log holds the entries, each once, committed. They come in order; known positions are skipped.

    What they order to be erased is erased in the same transaction: nobody ever reads the one without the other.

    Raises:
        Hole: the entries do not continue the log, or one another. Nothing was appended.
        ForeignEpoch: the log has another identity by now. Nothing was appended.
    """
    known = {entry.seq: columns(entry) for entry in entries}  # before the head is locked
    async with db.transaction(engine) as connection:
        at = (await connection.execute(text(sql.LOCK_HEAD))).one()
        if at.epoch != epoch:
            raise ForeignEpoch(at.epoch, epoch)
        new = [entry for entry in entries if entry.seq > at.seq]
        if not new:
            return Appended(Anchor(at.seq, at.hash), 0)
        _check_dense(at.seq, new)
        read = [known[entry.seq] for entry in new]
        raw = await db.driver(connection)
        sealing = _sealing(epoch, at.hash, new)  # while the database looks for second copies
        originals, seals = await asyncio.gather(_originals(raw, new, read), sealing)
        made = rows(epoch, new, read, seals, originals)
        await raw.copy_records_to_table("events", schema_name="log", columns=sql.COLUMNS, records=made)
        await raw.execute(sql.MOVE_HEAD, new[-1].seq, seals[-1][1])
        orders = blanking.orders(new, read, originals)
        await blanking.blank(raw, orders)
    duplicates = sum(original is not None for original in originals)
    end = Anchor(new[-1].seq, seals[-1][1])
    return Appended(end, len(new), sum(found.malformed for found in read), duplicates, len(orders))


def _check_dense(head_seq: int, entries: list[Entry]) -> None:
    expected = head_seq + 1
    for entry in entries:
        if entry.seq != expected:
            raise Hole(expected, entry.seq - 1)
        expected += 1


async def _originals(
    raw: "asyncpg.connection.Connection[asyncpg.Record]", entries: list[Entry], read: list[Columns]
) -> list[int | None]:
    """For each entry the earlier position with the same actor and event id, in the log or in the same batch."""
    found = await raw.fetch(sql.FIND_ORIGINALS, [it.actor for it in read], [it.event_id for it in read])
    originals = copies(entries, read)
    for record in found:
        originals[record["place"] - 1] = record["seq"]
    return originals


def copies(entries: list[Entry], read: list[Columns]) -> list[int | None]:
    """For each entry the first position in the same batch with the same actor and event id, if that is another one."""
    first: dict[tuple[str | None, str | None], int] = {}
    found: list[int | None] = []
    for entry, it in zip(entries, read, strict=True):
        earlier = entry.seq if it.malformed else first.setdefault((it.actor, it.event_id), entry.seq)
        found.append(None if earlier == entry.seq else earlier)
    return found


async def _sealing(epoch: str, last_hash: bytes, entries: list[Entry]) -> list[tuple[bytes, bytes]]:
    return sealed(epoch, last_hash, entries)


def sealed(epoch: str, last_hash: bytes, entries: list[Entry]) -> list[tuple[bytes, bytes]]:
    """For each entry the digest of its body, and its hash."""
    found: list[tuple[bytes, bytes]] = []
    for entry in entries:
        body_digest = entry.digest if entry.body is None else chain.digest(entry.body)
        last_hash = chain.link(last_hash, epoch, entry.seq, entry.time_ns, entry.logged_subject, body_digest)
        found.append((body_digest, last_hash))
    return found


def rows(
    epoch: str,
    entries: list[Entry],
    read: list[Columns],
    seals: list[tuple[bytes, bytes]],
    originals: list[int | None],
) -> list[tuple[Any, ...]]:
    """What goes into `sql.COLUMNS`."""
    made: list[tuple[Any, ...]] = []
    for entry, it, seal, original in zip(entries, read, seals, originals, strict=True):
        subject = entry.logged_subject
        said = (it.event_id, it.actor, it.type, it.occurred_at)
        where = (entry.time_ns, subject, it.reply_id)
        gone = (entry.remains, entry.erased_by) if entry.body is None else (None, None)
        made.append(
            (entry.seq, session_of(subject), *said, *where, entry.body, *seal, original, it.malformed, *gone, epoch)
        )
    return made
