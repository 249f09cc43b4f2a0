"""What gateways tell each other about a session and nobody stores: typing, awareness."""

from typing import Any

import orjson

from shared import errors, subjects
from shared.bus.connection import Bus

MAX_BYTES = 4096


async def send(bus: Bus, session_id: str, message: dict[str, Any]) -> None:
    """Every open feed of the session hands the message on, here and on the other gateways, at most once.

    Raises:
        TooLarge: it is more than a signal may hold.
    """
    body = orjson.dumps(message)
    if len(body) > MAX_BYTES:
        raise errors.TooLarge(f"{len(body)} bytes")
    await bus.client.publish(subjects.signal(session_id), body)
