"""Who may read a session. What others may not learn is that it exists."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.gateway.context import Gateway
from services.gateway.feed import Feed
from shared import errors
from shared.auth import Identity


@asynccontextmanager
async def readable(gateway: Gateway, session_id: str, identity: Identity) -> AsyncIterator[Feed]:
    """The session's feed, current and readable for this user, for the length of a block.

    Raises:
        NotFound: there is no such session, or not for this user.
        Unavailable: it can't be read now.
    """
    async with gateway.sessions.open(session_id) as feed:
        if identity.user not in feed.state.participants:
            raise errors.NotFound("session")
        yield feed
