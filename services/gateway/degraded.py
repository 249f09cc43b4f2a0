"""A snapshot folded from a session's events as the projector folds them: for when that is away or behind."""

import asyncio
from typing import Any

import orjson

from services.gateway.feed import Feed
from shared import errors
from shared.bus.whole import SCAN_BYTES, SCAN_EVENTS
from shared.events import MalformedEventError, decode
from shared.fold.bounds import MESSAGES, bounded
from shared.fold.folding import Poison
from shared.fold.travel import Past

BREATHE_EVENTS = 100  # then others of this process have their turn
FORGET_EVENTS = 5000


async def from_events(feed: Feed, degraded: list[str]) -> tuple[int, dict[str, Any]]:
    """The position of the last event delivered here, and the snapshot as of it.

    Raises:
        Unavailable: the session's events can't be read whole, or can't be folded.
    """
    at = feed.last
    page = await feed.events_after(0, SCAN_EVENTS, SCAN_BYTES)
    if page is None or page.more:
        raise errors.Unavailable("the projector does not answer, and the stream does not reach back far enough")
    past = Past(feed.session_id, MESSAGES)
    for count, (seq, publication) in enumerate(page.events, start=1):
        if seq <= at:
            _take(past, seq, orjson.loads(publication)["data"])
        if count % BREATHE_EVENTS == 0:
            await asyncio.sleep(0)
        if count % FORGET_EVENTS == 0:
            past.forget()
    snapshot = past.snapshot()
    if snapshot is None:
        raise errors.Unavailable("the projector does not answer, and the session's beginning is away")
    return at, {**bounded(snapshot), "degraded": degraded}


def _take(past: Past, seq: int, body: dict[str, Any]) -> None:
    try:
        past.take(decode(seq, orjson.dumps(body)), bool(body.get("erased")))
    except MalformedEventError:
        return
    except Poison as poison:
        raise errors.Unavailable(f"the session can't be shown: {poison}") from poison
