"""A session as a participant saw it at a position, from the log alone."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from services.ops import errors, logbook
from shared.fold.bounds import MESSAGES
from shared.fold.folding import Poison
from shared.fold.travel import Past
from shared.transcript import Item

FORGET_EVERY = 200


async def state(engine: AsyncEngine, session_id: str, up_to: int) -> dict[str, Any]:
    """The snapshot as of the position, however many events led to it.

    Raises:
        BadReplay: there was no such session then, or one of its events can't be folded.
    """
    past, count = Past(session_id, MESSAGES), 0
    async for row in logbook.rows(engine, session_id, 0, up_to):
        item = Item.read(row)
        if item is None or item.recorded is None:
            continue
        try:
            past.take(item.recorded, item.erased)
        except Poison as poison:
            raise errors.BadReplay(reason=f"position {item.seq} can't be folded: {poison}") from poison
        count += 1
        if count % FORGET_EVERY == 0:
            past.forget()
    found = past.snapshot()
    if found is None:
        raise errors.BadReplay(reason=f"there was no session {session_id} at position {up_to}")
    return {**found, "at": up_to}
