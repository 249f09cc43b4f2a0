"""The bus, for commands: connected within seconds, or a sentence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.ops import database, errors
from shared import logging
from shared.bus.connection import Bus, connect

CONNECT_S = 5.0


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Bus]:
    """A connection to the NATS server at `url`, closed on leaving.

    Raises:
        NatsUnreachable: it does not answer.
    """
    logging.setup("antiphon", "ops", "error", "console")  # what the connection has to say is no news here
    connecting = connect(url, "antiphon-ops")
    try:
        async with asyncio.timeout(CONNECT_S):
            bus = await connecting.__aenter__()
    except TimeoutError:
        raise errors.NatsUnreachable(url=database.masked(url)) from None
    try:
        yield bus
    finally:
        await connecting.__aexit__(None, None, None)
