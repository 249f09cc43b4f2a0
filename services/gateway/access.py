"""Who may read a session. What others may not learn is that it exists."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.gateway.context import Gateway
from services.gateway.feed import Feed
from services.gateway.joining import admit
from shared import errors
from shared.auth import Identity
from shared.logging import get_logger

log = get_logger("access")


@asynccontextmanager
async def readable(gateway: Gateway, session_id: str, identity: Identity) -> AsyncIterator[Feed]:
    """The session's feed, current and readable for this participant, for the length of a block.

    Raises:
        NotFound: there is no such session, or not for this user.
        Unavailable: it can't be read now.
    """
    async with gateway.sessions.open(session_id) as feed:
        await admit(feed, identity.user)
        yield feed


@asynccontextmanager
async def inspectable(gateway: Gateway, session_id: str, identity: Identity) -> AsyncIterator[Feed]:
    """As `readable`, and an operator may, too: reads that answer once, never subscriptions. That they did is logged.

    Raises:
        NotFound: there is no such session, or not for this user.
        Unavailable: it can't be read now.
    """
    async with gateway.sessions.open(session_id) as feed:
        if identity.user not in feed.state.participants and identity.operator and feed.state.exists:
            log.info("operator_reads", operator=identity.user, session_id=session_id)
        else:
            await admit(feed, identity.user)
        yield feed


def answerable_for(identity: Identity, user: str | None) -> str:
    """The user that a question is about: oneself, unless an operator names another one.

    Raises:
        PermissionDenied: somebody else was named, and not by an operator.
    """
    if user is None or user == identity.user:
        return identity.user
    only_operators(identity)
    log.info("operator_reads", operator=identity.user, user=user)
    return user


def only_operators(identity: Identity) -> None:
    """Returns for operators.

    Raises:
        PermissionDenied: for everybody else.
    """
    if not identity.operator:
        raise errors.PermissionDenied("for operators only")
