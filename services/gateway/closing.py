"""Why a socket is closed or a subscription ended: codes as values, with the reason that goes over the wire.

3000-3499 mean "reconnect", 3500-3999 are final. A final code carries a non-empty reason that is not JSON, or
centrifuge-js reconnects for ever. Unsubscribe codes below 2500 are final, the others mean "subscribe again".
"""

from typing import Final, NamedTuple


class Close(NamedTuple):
    """A WebSocket close code with its reason (UTF-8, at most 123 bytes)."""

    code: int
    reason: str


SHUTDOWN: Final = Close(3001, "shutdown")
EXPIRED: Final = Close(3005, "connection expired")
SLOW: Final = Close(3008, "slow")
NO_PONG: Final = Close(3012, "no pong")
INVALID_TOKEN: Final = Close(3500, "invalid token")
BAD_REQUEST: Final = Close(3501, "bad request")
STALE: Final = Close(3502, "stale")
CONNECTION_LIMIT: Final = Close(3504, "connection limit")
INVALID_TEXT: Final = Close(1007, "invalid UTF-8")


class Unsubscribe(NamedTuple):
    """Why the server ends a subscription."""

    code: int
    reason: str


REVOKED: Final = Unsubscribe(2000, "server unsubscribe")
RESYNCHRONISE: Final = Unsubscribe(2500, "insufficient state")
INVALIDATED: Final = Unsubscribe(2502, "state invalidated")
