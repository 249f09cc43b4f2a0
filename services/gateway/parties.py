"""Who a socket deals with: who owns it, who accepts it, and who serves it."""

from typing import TYPE_CHECKING, Protocol

from services.gateway.addresses import Addresses
from services.gateway.stats import Stats

if TYPE_CHECKING:
    from services.gateway.socket import Socket


class Receiver(Protocol):
    """Who a socket belongs to."""

    def received(self, text: bytes) -> None:
        """A whole text message came, valid UTF-8."""

    def lost(self) -> None:
        """The connection has ended; nothing more comes, nothing more can be sent. Called once."""


class Acceptor(Protocol):
    """What a socket needs of the gateway it is opened on."""

    frame_bytes: int
    buffer_bytes: int
    allowed_origins: frozenset[str]
    addresses: Addresses
    stats: Stats

    def accept(self, socket: "Socket") -> Receiver:
        """The new connection's owner."""


class Sockets(Protocol):
    """uvicorn's state: whom to shut down."""

    connections: set[object]
