"""A gateway process: what is opened, in which order; closing is the reverse."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from services.gateway import protocol, readiness
from services.gateway.agents import Agents
from services.gateway.api.app import end_streams, make_app
from services.gateway.clients import Clients
from services.gateway.closing import SHUTDOWN
from services.gateway.commands import Commands
from services.gateway.connection import Connection
from services.gateway.context import Gateway
from services.gateway.keyring import Keyring
from services.gateway.model_check import ModelCheck
from services.gateway.notices import Notices
from services.gateway.opening import HttpConnection
from services.gateway.outages import Outages, ask_owners, watch
from services.gateway.parties import Receiver
from services.gateway.places import Places
from services.gateway.presence import Presence
from services.gateway.rosters import Rosters
from services.gateway.sessions import Sessions
from services.gateway.settings import GatewaySettings
from services.gateway.socket import Socket
from services.gateway.stats import Stats
from shared import service, tasks
from shared.bus import connection
from shared.bus.direct import DirectReader
from shared.bus.query import QueryClient
from shared.health import Health


class Acceptor:
    """Gives every new socket a `Connection`."""

    def __init__(self, gateway: Gateway) -> None:
        self.frame_bytes = gateway.settings.frame_bytes
        self.buffer_bytes = gateway.settings.socket_buffer_bytes
        self.allowed_origins = gateway.settings.origins
        self.addresses = gateway.settings.addresses
        self.stats = gateway.stats
        self._gateway = gateway

    def accept(self, socket: Socket) -> Receiver:
        """The socket's owner."""
        return Connection(self._gateway, socket)


@asynccontextmanager
async def app(settings: GatewaySettings, health: Health) -> AsyncIterator[None]:
    """Serves sockets and HTTP while the block runs.

    The port is open before the event stream is there: readiness says what is missing, and commands answer 503.
    """
    async with connection.connect(settings.nats_url, settings.instance) as bus:
        reader = DirectReader(bus.client)
        await reader.start()
        queries = QueryClient(bus)
        sessions = Sessions(
            bus,
            reader,
            queries,
            f"gateway/{settings.instance}",
            settings.linger_s,
            settings.max_cached_sessions,
            outages := Outages(settings.bus_quiet_s, settings.bus_lost_s),
            settings.max_cached_s,
            settings.max_cached_bytes,
        )
        gateway = Gateway(
            settings=settings,
            bus=bus,
            sessions=sessions,
            commands=Commands(sessions),
            queries=queries,
            notices=Notices(),
            presence=(presence := Presence(bus, reader, settings.instance)),
            rosters=Rosters(bus, presence),
            clients=Clients(settings.connections_per_user),
            stats=Stats(),
            keyring=Keyring(settings.jwks_url, settings.jwks_refresh_s, settings.jwks_pause_s),
            agents=(agents := Agents(bus)),
            places=Places(bus, queries),
            model_check=ModelCheck(queries, agents, settings.llm_tests_per_minute),
        )
        health.checks.update(readiness.checks(gateway))
        web = make_app(gateway, health)
        sockets = partial(Socket, Acceptor(gateway))
        connections = partial(HttpConnection, settings.request_s)
        async with (
            gateway.notices.listening(bus.client),
            gateway.presence.announced(),
            tasks.background(
                sessions.run(),
                gateway.rosters.run(),
                gateway.keyring.run(),
                gateway.agents.run(),
                ask_owners(outages, bus),
                watch(outages, partial(gateway.clients.close_all, SHUTDOWN), partial(_tell, gateway.notices)),
            ),
            service.http(settings, web, http=connections, ws=sockets),
        ):
            try:
                yield
            finally:
                end_streams(web)


def _tell(notices: Notices, degraded: list[str]) -> None:
    notices.tell_all(protocol.message({"type": "degraded", "degraded": degraded}))
