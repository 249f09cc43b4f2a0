"""Gateways on a NATS server of their own, with an event stream and nothing else: no PostgreSQL, no history."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from shared import auth, ids
from shared.bus import connection, streams
from tests.support.client import Client, connected
from tests.support.services import SECRET, RealService, running

EPOCH = "test"


@asynccontextmanager
async def gateways(
    nats_url: str, count: int = 1, environment: Mapping[str, str] | None = None
) -> AsyncIterator[list[RealService]]:
    """`count` gateways, ready. The event stream is made as history would make it."""
    async with connection.connect(nats_url, "test") as bus:
        await bus.js.add_stream(streams.events_config(EPOCH))
    given = {"ANTIPHON_NATS_URL": nats_url, **(environment or {})}
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(running("gateway", given, f"gateway-{number}"))
            for number in range(1, count + 1)
        ]


@asynccontextmanager
async def read_models(
    nats_url: str, database_url: str, count: int = 2, environment: Mapping[str, str] | None = None
) -> AsyncIterator[list[RealService]]:
    """`count` gateways with history and projector behind them, all ready."""
    given = {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_DATABASE_URL": database_url, "ANTIPHON_COMMANDS_PER_S": "0"}
    given |= environment or {}
    async with AsyncExitStack() as stack:
        for service in ("history", "projector"):
            await stack.enter_async_context(running(service, given))
        yield [
            await stack.enter_async_context(running("gateway", given, f"gateway-{number}"))
            for number in range(1, count + 1)
        ]


@asynccontextmanager
async def talking(at: list[RealService], *users: str) -> AsyncIterator[list[Client]]:
    """A connected client for each user, the first on the first gateway, the second on the next, and so on."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(connected(at[number % len(at)].address, token(user)))
            for number, user in enumerate(users)
        ]


def token(user: str, ttl_s: int = 3600) -> str:
    """A token that the gateways accept."""
    return auth.mint(SECRET, user, ttl_s=ttl_s)


async def new_session(client: Client, *others: Client) -> str:
    """A session of the client, which the others have joined."""
    made = await client.rpc("session.create", id=ids.uuid7(), title="A session")
    session_id: str = made["session_id"]
    if others:
        invited = await client.rpc("session.invite", id=ids.uuid7(), session_id=session_id)
        for other in others:
            await other.rpc("session.join", id=ids.uuid7(), invite=invited["invite"])
    return session_id
