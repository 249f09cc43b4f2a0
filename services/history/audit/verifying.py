"""Recomputing the chain over everything in the log: bounded memory, resumable, pinned by signed checkpoints.

The log is read in stretches, each in a snapshot of its own: one that lasted for the whole would keep the database from
cleaning up behind itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.history import chain, log
from services.history.audit import erasures, rows
from services.history.chain import Anchor, Broken
from shared import db

STRETCH_EVENTS = 100_000

Progress = Callable[[Anchor, int], None]  # where it is, and where the log ends


@dataclass(frozen=True, slots=True)
class Verified:
    """Everything up to `at` is what was appended; `events` were recomputed, `pinned` checkpoints agree.

    Of the events recomputed, `erased` have no body, each on order, and `gaps` stand for positions on record as lost.
    """

    at: Anchor
    epoch: str
    events: int
    pinned: int
    erased: int = 0
    gaps: int = 0


async def verify(
    engine: AsyncEngine, after: Anchor, pins: Iterable[Anchor] = (), progress: Progress = lambda _at, _end: None
) -> Verified:
    """The whole log behind `after` was recomputed, its head is the last of it, and every pin is on it.

    `pins` are positions whose hash is known from elsewhere: from checkpoints, each with a valid signature.

    Raises:
        Broken: at the first position that was changed, removed, inserted or moved.
    """
    wanted: dict[int, bytes] = {}
    for pin in pins:
        if wanted.setdefault(pin.seq, pin.hash) != pin.hash:
            raise Broken(pin.seq, "two checkpoints disagree about it")
    at, erased, gaps = after, 0, 0
    async with db.snapshot(engine) as connection:
        await _begins(connection, after, wanted)
    while True:
        async with db.snapshot(engine) as connection:
            head = await _head(connection, at)
            upto = at.seq + STRETCH_EVENTS if at.seq + STRETCH_EVENTS < head.seq else 2**63 - 1
            async for batch in rows.batches(connection, at.seq, upto):
                for row in batch:
                    at = chain.follow(at, rows.link(row))
                    rows.check_columns(row)
                    _agrees(at, wanted)
                await rows.check_duplicates(connection, batch)
                erased += await erasures.check(connection, batch)
                gaps += erasures.gaps(batch)
                progress(at, head.seq)
        if upto > head.seq:
            break
        if at.seq < upto:
            raise Broken(at.seq + 1, f"missing, and {upto - at.seq - 1} behind it")
    _ends(at, head, wanted)
    return Verified(at, head.epoch, at.seq - after.seq, len(wanted), erased, gaps)


async def _head(connection: AsyncConnection, at: Anchor) -> log.Head:
    try:
        return await log.read_head(connection)
    except NoResultFound:
        raise Broken(at.seq + 1, "the head of the log is gone, so nothing says where it ends") from None


async def _begins(connection: AsyncConnection, after: Anchor, wanted: Mapping[int, bytes]) -> None:
    """What lies before the beginning is not recomputed, but it must be there, and be what checkpoints say."""
    if (await rows.anchor(connection, after.seq)).hash != after.hash:
        raise Broken(after.seq, "its hash is another one than when it was verified")
    for seq in sorted(seq for seq in wanted if seq <= after.seq):
        _agrees(await rows.anchor(connection, seq), wanted)


def _agrees(at: Anchor, wanted: Mapping[int, bytes]) -> None:
    if wanted.get(at.seq, at.hash) != at.hash:
        raise Broken(at.seq, "a signed checkpoint says another hash: something up to here was rewritten")


def _ends(at: Anchor, head: log.Head, wanted: Mapping[int, bytes]) -> None:
    if at.seq < head.seq:
        raise Broken(at.seq + 1, f"missing: the head says that the log ends at {head.seq}")
    if at.seq > head.seq:
        raise Broken(head.seq + 1, "inserted: the head says that the log ends before it")
    if at.hash != head.hash:
        raise Broken(at.seq, "the head has another hash")
    beyond = [seq for seq in wanted if seq > at.seq]
    if beyond:
        raise Broken(at.seq + 1, f"missing: position {min(beyond)} was signed")
