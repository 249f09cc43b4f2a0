"""Pages of a session's events, for the `history` command and for HTTP: consecutive, in either direction."""

from dataclasses import dataclass

from services.gateway.access import readable
from services.gateway.context import Gateway
from services.gateway.feed import Feed
from shared import errors
from shared.auth import Identity

MAX_EVENTS = 300
MAX_BYTES = 512 * 1024
_STEP = 1000


@dataclass(frozen=True, slots=True)
class EventPage:
    """Publications (JSON) in the asked order, and where the session is. `more`: there are others beyond the last."""

    publications: list[bytes]
    offset: int
    epoch: str
    more: bool


async def page(
    gateway: Gateway, session_id: str, identity: Identity, since: tuple[int, str] | None, limit: int, reverse: bool
) -> EventPage:
    """Up to `limit` events after `since` (offset, epoch), or before it if `reverse`; 0: none, -1: as many as go.

    Raises:
        NotFound: no such session for this user.
        Unrecoverable: the epoch is another one, or the stream no longer holds that part.
        Unavailable: it can't be read now.
    """
    async with readable(gateway, session_id, identity) as feed:
        epoch = gateway.sessions.epoch
        if since and since[1] not in ("", epoch):
            raise errors.Unrecoverable("another epoch")
        count = MAX_EVENTS if limit < 0 else min(limit, MAX_EVENTS)
        if count == 0:
            return EventPage([], feed.last, epoch, more=False)
        if reverse:
            before = since[0] if since else feed.last + 1
            found, more = await _before(feed, before, count)
        else:
            found, more = await _after(feed, since[0] if since else 0, count)
        return EventPage(found, feed.last, epoch, more)


async def _after(feed: Feed, seq: int, count: int) -> tuple[list[bytes], bool]:
    got = await feed.events_after(seq, count, MAX_BYTES)
    if got is None:
        raise errors.Unrecoverable("older events are in the log only")
    return [publication for _, publication in got.events], got.more


async def _before(feed: Feed, before: int, count: int) -> tuple[list[bytes], bool]:
    """Reads forward and keeps the end: the stream can't be read backwards."""
    newest: list[bytes] = []
    seq, passed = 0, 0
    while True:
        got = await feed.events_after(seq, _STEP, 4 * MAX_BYTES)
        if got is None:
            raise errors.Unrecoverable("older events are in the log only")
        older = [publication for at, publication in got.events if at < before]
        newest = (newest + older)[-count:]
        passed += len(older)
        if not got.more or len(older) < len(got.events) or not got.events:
            break
        seq = got.events[-1][0]
    kept: list[bytes] = []
    size = 0
    for publication in reversed(newest):
        size += len(publication)
        if kept and size > MAX_BYTES:
            break
        kept.append(publication)
    return kept, passed > len(kept)
