"""The opening handshake: which upgrade requests are accepted, as a function of the request alone.

Source: RFC 6455, 4.2.
"""

import logging
from collections.abc import Sequence
from http import HTTPStatus

from websockets.datastructures import MultipleValuesError
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from services.gateway import origins
from services.gateway.addresses import Addresses

PATH = "/connection/websocket"
SUBPROTOCOL = Subprotocol("centrifuge-json")

_quiet = logging.getLogger("websockets.gateway")
_quiet.setLevel(logging.WARNING)  # the library says "connection open" for each, at info


def make_protocol(frame_bytes: int) -> ServerProtocol:
    """The state of one connection before its handshake, without extensions. `frame_bytes` 0: messages of any size."""
    return ServerProtocol(select_subprotocol=_select, max_size=frame_bytes or None, logger=_quiet)


def answer(
    protocol: ServerProtocol, request: Request, allowed_origins: frozenset[str], addresses: Addresses
) -> Response:
    """The response to an upgrade request: 101, or why not (404 another path, 403 a page of a foreign origin)."""
    if request.path.partition("?")[0] != PATH:
        return protocol.reject(HTTPStatus.NOT_FOUND, f"The WebSocket is at {PATH}.\n")
    try:
        origin, host = request.headers.get("Origin"), request.headers.get("Host")
    except MultipleValuesError:
        return protocol.reject(HTTPStatus.BAD_REQUEST, "More than one Origin or Host.\n")
    if not origins.allowed(origin, host, allowed_origins, addresses.seen_by(host)):
        return protocol.reject(HTTPStatus.FORBIDDEN, "This origin is not allowed.\n")
    return protocol.accept(request)


def _select(_protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """JSON if it is offered; none otherwise, since JSON clients offer none, and protobuf is not spoken."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
