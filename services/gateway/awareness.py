"""`awareness`: what a client says of itself to the others of a session (a cursor, a selection), which is no fact.

It is heard at once on every gateway, and kept for those who come later as long as the client is there.
"""

from typing import Any

import orjson

from services.gateway.access import readable
from services.gateway.context import Caller, Gateway
from services.gateway.joining import Joined
from services.gateway.requests import Params, parse
from services.gateway.snapshot import with_awareness
from shared import errors
from shared.events.base import SessionId
from shared.nesting import MOST_LEVELS, is_too_deep

MAX_BYTES = 1024


class AwarenessRequest(Params):
    """`data` is any JSON; null takes back what was said."""

    session_id: SessionId
    data: Any = None


async def awareness(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """Tells the others, and keeps it while this client is subscribed to the session.

    Raises:
        BadRequest: it is nested too deeply.
        TooLarge: more than 1 KiB.
        NotFound, Gone, Unavailable
    """
    request = parse(AwarenessRequest, data)
    if is_too_deep(request.data):
        raise errors.BadRequest(f"at most {MOST_LEVELS} levels deep")
    size = len(orjson.dumps(request.data))
    if size > MAX_BYTES:
        raise errors.TooLarge(f"{size} bytes, at most {MAX_BYTES}")
    if not gateway.bus.is_connected:
        raise errors.Unavailable("the bus is away")
    async with readable(gateway, request.session_id, caller.identity) as feed:
        if feed.state.deleted:
            raise errors.Gone("the session is deleted")
        await gateway.presence.say(request.session_id, caller.client, caller.identity, request.data)
    return {}


async def known(gateway: Gateway, session_id: str) -> dict[str, dict[str, Any]]:
    """What the clients that are there last said, by client; nothing while the bus can't tell."""
    try:
        return await gateway.presence.awareness_of(session_id)
    except errors.Unavailable:
        return {}


async def complete(gateway: Gateway, joined: Joined) -> None:
    """The snapshot of somebody who enters holds it too. What is said from here on waits at the gate."""
    if not joined.recovered:
        said = await known(gateway, joined.feed.session_id)
        joined.snapshot = with_awareness(joined.snapshot, said)
