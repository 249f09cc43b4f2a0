"""A page of events that is not there yet: whoever asks is told by the session's feed, as a socket would be."""

import asyncio

from services.gateway import pages
from services.gateway.access import readable
from services.gateway.context import Gateway
from services.gateway.held import Held, held
from services.gateway.hub import Listener
from services.gateway.pages import EventPage
from shared import errors
from shared.auth import Identity

MAX_WAIT_S = 60.0


class Bell(Listener):
    """A listener that rings at the first event after a position, or when there is nothing more to wait for."""

    def __init__(self, user: str, after: int) -> None:
        self.user = user
        self._after = after
        self._rung = asyncio.Event()

    def deliver(self, frame: bytes, seq: int | None) -> None:  # noqa: ARG002
        """Rings at a later event."""
        if seq is not None and seq > self._after:
            self._rung.set()

    def revoked(self) -> None:
        """Rings: the next look is refused."""
        self._rung.set()

    def insufficient(self) -> None:
        """Rings: the next look is taken afresh."""
        self._rung.set()

    def end(self) -> None:
        """Rings: there is no more waiting here."""
        self._rung.set()

    async def rung(self, timeout_s: float) -> None:
        """Returns once it has rung, and after `timeout_s` anyway."""
        try:
            await asyncio.wait_for(self._rung.wait(), timeout_s)
        except TimeoutError:
            return


async def page_when_there(
    gateway: Gateway,
    session_id: str,
    identity: Identity,
    since: tuple[int, str],
    limit: int,
    wait_s: float,
    open_ones: set[Held],
) -> EventPage:
    """Up to `limit` events after `since` (offset, epoch). If there are none, what came within `wait_s` seconds.

    Raises:
        NotFound: no such session for this user, or not any more.
        Unrecoverable: the epoch is another one, or the stream no longer holds that part.
        TooManyRequests: the user waits at too many places.
        Unavailable: it can't be read now.
    """
    if not wait_s:
        return await pages.page(gateway, session_id, identity, since, limit, reverse=False)
    bell = Bell(identity.user, since[0])
    async with readable(gateway, session_id, identity) as feed:
        feed.add(bell)  # before the look, or what comes between the two would be missed
        try:
            found = await pages.page(gateway, session_id, identity, since, limit, reverse=False)
            if found.publications:
                return found
            with held(gateway, identity, bell, open_ones):
                await bell.rung(wait_s)
        finally:
            feed.remove(bell)
    if gateway.sessions.outages.is_lost:
        raise errors.Unavailable("the bus is away")
    return await pages.page(gateway, session_id, identity, since, limit, reverse=False)
