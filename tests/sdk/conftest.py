"""One whole system for all SDK tests of a test process, and two people in a session of their own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared import ids
from tests.sdk.client import SdkClient, sdk
from tests.support.system import System, whole_system

# Pings come often enough for a test to see that they keep a connection alive.
OFTEN = {"ANTIPHON_PING_S": "1", "ANTIPHON_PONG_S": "1", "ANTIPHON_COMMANDS_PER_S": "0"}


@pytest.fixture(scope="session")
def one_system(session_directory: Path) -> Iterator[System]:
    """A system that tests share: none of them breaks it, and each uses users and sessions of its own."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        context = whole_system(session_directory / "sdk", environment=OFTEN)
        running = runner.run(context.__aenter__())
        try:
            yield running
        finally:
            runner.run(context.__aexit__(None, None, None))


@pytest.fixture(params=["js", "py"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each official SDK in turn."""
    return str(request.param)


@pytest.fixture
async def client(kind: str) -> AsyncIterator[SdkClient]:
    """A client of the SDK under test, not yet connected."""
    async with sdk(kind) as one:
        yield one


@dataclass(frozen=True, slots=True)
class Person:
    """A user at a gateway; `session_id` is a session they own."""

    user: str
    client: SdkClient
    session_id: str


def url(system: System, gateway: int) -> str:
    """Where a gateway (1 or 2) takes connections."""
    return f"{system.addresses[gateway - 1].replace('http', 'ws', 1)}/connection/websocket"


@pytest.fixture
async def ada(one_system: System, client: SdkClient) -> Person:
    """Ada, at the first gateway with the SDK under test, owner of a new session to which she is subscribed."""
    user = f"ada-{ids.uuid7()}"
    await client.connected(url=url(one_system, 1), token=one_system.token(user, name="Ada"))
    created = await client.write("session.create", title="Analytical engine")
    await client.subscribed(created["session_id"])
    return Person(user, client, created["session_id"])
