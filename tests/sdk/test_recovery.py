"""What an application sees when its connection breaks: the SDK comes back, on any gateway, and misses nothing."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from services.ops import ports
from shared import ids
from tests.sdk.balancer import Balancer, balancer
from tests.sdk.client import Refused, SdkClient, sdk
from tests.sdk.conftest import url
from tests.support.eventually import eventually
from tests.support.servers import freeze
from tests.support.system import System


@pytest.fixture
async def front(one_system: System) -> AsyncIterator[Balancer]:
    """A balancer in front of the first gateway."""
    async with balancer(one_system.port) as one:
        yield one


async def test_a_cut_connection_recovers_on_the_other_gateway(
    one_system: System, front: Balancer, client: SdkClient, kind: str
) -> None:
    user = f"ada-{ids.uuid7()}"
    token = one_system.token(user)
    await client.connected(url=front.url, token=token)
    session_id = (await client.write("session.create", title="cut"))["session_id"]
    await client.subscribed(session_id)
    async with sdk(kind) as steady:
        await steady.connected(url=url(one_system, 2), token=token)
        await steady.subscribed(session_id)
        for round_number in range(3):
            front.target = ports.free_port()  # nobody there
            front.cut()
            await eventually(lambda n=round_number: len(client.seen("connecting")) > n + 1)
            sent = [await steady.write("message.send", session_id=session_id, content=str(n)) for n in range(5)]
            front.target = one_system.port + 1 - round_number % 2
            await client.got(sent[-1]["id"])
        assert client.durable("message.") == steady.durable("message.")
        assert len(client.durable("message.")) == 15
        recovered = [e["recovered"] for e in client.seen("subscribed", was_recovering=True)]
        assert recovered == [True] * 3


async def test_commands_in_the_dark_are_temporary_and_safe_to_repeat(system: System, kind: str) -> None:
    async with sdk(kind) as ada:
        await ada.connected(url=url(system, 1), token=system.token("ada"), timeout_ms=1500)
        session_id = (await ada.write("session.create", title="dark"))["session_id"]
        await ada.subscribed(session_id)
        command = {"id": ids.uuid7(), "session_id": session_id, "content": "in the dark"}
        with frozen(system, "nats"), pytest.raises(Refused) as refused:
            await ada.rpc("message.send", **command)
        assert refused.value.temporary
        sent = await ada.write("message.send", **command)
        await ada.got(command["id"])
        assert [p["offset"] for p in ada.durable("message.posted")] == [sent["seq"]]


@contextmanager
def frozen(system: System, name: str) -> Iterator[None]:
    """Inside, the process answers nothing with its connections open; afterwards it goes on where it was."""
    pid = int(system.ps()[name]["pid"])
    freeze(pid)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
