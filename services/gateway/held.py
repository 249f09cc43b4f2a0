"""Answers over HTTP that are held open. They are connections like sockets: counted with them, and ended with them."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from prometheus_client import Gauge

from services.gateway.closing import Close
from services.gateway.context import Gateway
from shared import errors
from shared.auth import Identity

HELD = Gauge("antiphon_gateway_held", "Answers over HTTP that are held open: event streams, and pages not there yet")


class Held(Protocol):
    """An answer that is not over."""

    def end(self) -> None:
        """It is over as soon as what is waiting is written; the reader comes back. Returns at once."""


class _AsConnection:
    """What is held, as the registry of connections sees it."""

    def __init__(self, one: Held) -> None:
        self._one = one

    def close(self, why: Close) -> None:  # noqa: ARG002
        self._one.end()


@contextmanager
def held(gateway: Gateway, identity: Identity, one: Held, open_ones: set[Held]) -> Iterator[None]:
    """Inside, it ends when the bus is lost, when the token is, or when whoever keeps `open_ones` says so.

    Raises:
        TooManyRequests: the user has as many connections as there may be.
        Unavailable: there is no bus, and so nothing to wait for.
    """
    if gateway.sessions.outages.is_lost:
        raise errors.Unavailable("the bus is away")
    client = str(uuid.uuid4())
    if not gateway.clients.add(identity.user, client, _AsConnection(one)):
        raise errors.TooManyRequests("as many connections are open as one user may have")
    left_s = identity.expires_at + gateway.settings.token_grace_s - time.time()
    expiry = asyncio.get_running_loop().call_later(max(0.0, left_s), one.end)
    open_ones.add(one)
    HELD.inc()
    try:
        yield
    finally:
        HELD.dec()
        open_ones.discard(one)
        expiry.cancel()
        gateway.clients.remove(identity.user, client)
