"""What a gateway is told from outside."""

from pydantic import Field, SecretStr, field_validator

from services.gateway.addresses import Addresses
from shared.settings import ServiceSettings

MIN_SECRET_CHARS = 32


class GatewaySettings(ServiceSettings):
    """The service's settings. Of the limits, 0 lifts it."""

    secret: SecretStr = Field(description="Signs tokens and invitations; at least 32 characters, the same everywhere")
    service_key: SecretStr = Field(
        SecretStr(""), description="Lets an application mint tokens at /api/auth/token; empty: nobody can"
    )
    jwks_url: str = Field(
        "",
        pattern=r"^(https?://.*)?$",
        description="Public keys of whoever issues tokens, too (JWKS; RS256, ES256, EdDSA)",
    )
    jwks_refresh_s: float = Field(300, gt=0, description="How often they are fetched again")
    jwks_pause_s: float = Field(10, ge=0, description="Shortest time between fetches for keys that are not known")
    token_issuer: str = Field("", description="What `iss` of that issuer's tokens must say; anything if empty")
    token_audience: str = Field("", description="What `aud` of them must hold; anything if empty")
    cors_origins: str = Field("", description="Origins that may call from browsers, comma-separated, or *")
    public_addresses: str = Field(
        "",
        description="Where clients reach each gateway, to go on at the next when theirs dies: http://host:port, "
        "comma-separated; host * is the one they came by. Empty behind a balancer",
    )
    frame_bytes: int = Field(262_144, ge=0, description="Largest message a client may send; above: close 1009")
    channels_per_connection: int = Field(128, ge=0, description="Subscriptions of one connection; above: error 106")
    connections_per_user: int = Field(64, ge=0, description="Open sockets of one user on one gateway; above: 3504")
    commands_per_s: float = Field(
        50, ge=0, description="Commands of one connection or, over HTTP, of one user; bursts of twice that; above: 111"
    )
    guests_per_minute: int = Field(60, ge=0, description="New guests from one address; above: 429")
    llm_tests_per_minute: int = Field(10, ge=0, description="Tests of the model that one user may ask for; above: 429")
    typing_per_s: float = Field(10, ge=0, description="Typing notices of one connection; above: error 111")
    awareness_per_s: float = Field(10, ge=0, description="`awareness` of one connection; above: error 111")
    socket_buffer_bytes: int = Field(1_048_576, gt=0, description="Bytes waiting for one reader; above: close 3008")
    request_s: float = Field(20, ge=0, description="An HTTP request that has not come whole by then is refused (408)")
    connect_s: float = Field(10, gt=0, description="A socket that has not connected by then is closed with 3502")
    ping_s: float = Field(25, gt=0, description="Pause between pings to a client")
    pong_s: float = Field(10, gt=0, description="A client that has not answered a ping by then is closed with 3012")
    token_grace_s: float = Field(25, ge=0, description="How long an expired token may stay unrefreshed before 3005")
    guest_grace_s: float = Field(86_400, ge=0, description="How long a guest's expired token may still be refreshed")
    bus_quiet_s: float = Field(10, ge=1, description="No answer from the bus for so long: `degraded` says so")
    bus_lost_s: float = Field(30, ge=0, description="For so long: sockets are closed with 3001, to try another gateway")
    linger_s: float = Field(30, ge=0, description="A session without listeners is followed that much longer")
    max_cached_sessions: int = Field(1000, gt=0, description="Sessions kept in memory without listeners")
    max_cached_s: float = Field(1800, gt=0, description="And how long")
    max_cached_bytes: int = Field(134_217_728, gt=0, description="And how many bytes of memory for all of them, about")

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        if len(secret.get_secret_value()) < MIN_SECRET_CHARS:
            raise ValueError(f"must be at least {MIN_SECRET_CHARS} characters")
        return secret

    @field_validator("public_addresses")
    @classmethod
    def _all_addresses(cls, listed: str) -> str:
        Addresses(listed)
        return listed

    @property
    def addresses(self) -> Addresses:
        """Where the gateways are reached."""
        return Addresses(self.public_addresses)

    @property
    def origins(self) -> frozenset[str]:
        """The origins allowed besides one's own; `*` among them allows all."""
        return frozenset(origin.strip().rstrip("/") for origin in self.cors_origins.split(",") if origin.strip())
