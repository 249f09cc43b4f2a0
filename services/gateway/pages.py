"""Pages of a session's events, for the `history` command and for HTTP: consecutive, in either direction."""

from dataclasses import dataclass

from services.gateway.access import readable
from services.gateway.context import Gateway
from services.gateway.feed import Feed
from services.gateway.publication import after
from shared import errors
from shared.auth import Identity

MAX_EVENTS = 300
MAX_BYTES = 512 * 1024
FIRST_WINDOW = 512  # positions
WIDER = 4
WINDOW_EVENTS = 64  # at least so many are read at a time
WINDOW_BYTES = 4 * MAX_BYTES


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
            found, more = await _from(feed, since[0] if since else 0, count)
        return EventPage(found, feed.last, epoch, more)


async def _from(feed: Feed, seq: int, count: int) -> tuple[list[bytes], bool]:
    got = await feed.events_after(seq, count, MAX_BYTES)
    if got is None:
        raise errors.Unrecoverable("older events are in the log only")
    return [publication for _, publication in got.events], got.more


async def _before(feed: Feed, before: int, count: int) -> tuple[list[bytes], bool]:
    """The events below `before`, newest first. The stream can't be read backwards, and a session's positions are as far
    apart as others are busy: so windows of positions are read, each further back and larger, until there are enough.
    """
    found: list[tuple[int, bytes]] = []
    end, width, events = min(before - 1, feed.last), max(FIRST_WINDOW, count), max(WINDOW_EVENTS, count + 1)
    while end > 0 and len(found) <= count:  # one more than asked for: the oldest must name the one before it
        start = max(0, end - width)
        window = await feed.events_after(start, events, WINDOW_BYTES, up_to=end)
        if window is None:
            raise errors.Unrecoverable("older events are in the log only")
        if window.more:
            width = max(1, width // WIDER)
            continue
        found += reversed(window.events)
        end, width = start, width * WIDER
    return _chained(found, count)


def _chained(found: list[tuple[int, bytes]], count: int) -> tuple[list[bytes], bool]:
    """The first of them that fit, each naming the next older one; and whether there are others."""
    kept: list[bytes] = []
    size = 0
    for number, (_, publication) in enumerate(found[:count]):
        size += len(publication)
        if kept and size > MAX_BYTES:
            break
        kept.append(after(found[number + 1][0] if number + 1 < len(found) else 0, publication))
    return kept, len(found) > len(kept)
