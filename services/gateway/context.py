"""What everybody in a gateway process works with, in one object that `app` puts together."""

from dataclasses import dataclass

from services.gateway.agents import Agents
from services.gateway.clients import Clients
from services.gateway.commands import Commands
from services.gateway.keyring import Keyring
from services.gateway.model_check import ModelCheck
from services.gateway.notices import Notices
from services.gateway.places import Places
from services.gateway.presence import Presence
from services.gateway.rosters import Rosters
from services.gateway.sessions import Sessions
from services.gateway.settings import GatewaySettings
from services.gateway.stats import Stats
from shared import auth
from shared.auth import Identity
from shared.bus.connection import Bus
from shared.bus.query import QueryClient
from shared.jwks import UnknownKey


@dataclass(frozen=True, slots=True)
class Gateway:
    """One running gateway."""

    settings: GatewaySettings
    bus: Bus
    sessions: Sessions
    commands: Commands
    queries: QueryClient
    notices: Notices
    presence: Presence
    rosters: Rosters
    clients: Clients
    stats: Stats
    keyring: Keyring
    agents: Agents
    places: Places
    model_check: ModelCheck

    @property
    def secret(self) -> str:
        """Signs tokens and invitations."""
        return self.settings.secret.get_secret_value()

    def verify(self, token: str) -> Identity:
        """Who the token proves somebody to be.

        Raises:
            TokenExpired: it was good once.
            UnknownKey: its issuer may have a key that is not known here; `identify` asks.
            Unauthorized: it never was.
        """
        if not self.keyring.is_used:
            return auth.verify(self.secret, token)
        issuer = auth.Issuer(self.keyring.keys, self.settings.token_issuer, self.settings.token_audience)
        return auth.verify_any(self.secret, issuer, token)

    async def identify(self, token: str) -> Identity:
        """The same; a key that is not known is looked for at its issuer's.

        Raises:
            Unavailable: whether the token is good can't be told now.
            TokenExpired, Unauthorized
        """
        try:
            return self.verify(token)
        except UnknownKey:
            await self.keyring.look_again()
            return self.verify(token)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, on which connection (empty over HTTP)."""

    identity: Identity
    client: str = ""
