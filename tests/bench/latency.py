"""Latency across two gateways, socket to socket, beside core NATS publish to subscribe in the same run."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.aio.msg import Msg

from shared import ids
from tests.support.client import connected
from tests.support.servers import NatsServer
from tests.support.system import System

WARM, COUNT, RUNS = 200, 1000, 3
Once = Callable[[], Awaitable[None]]


async def measure(system: System, directory: Path) -> str:
    """One line: medians of three runs, candidate and baseline in turn, one message in flight."""
    server = NatsServer(directory)
    server.launch()
    await server.ready()
    try:
        async with crossing(system) as cross, core(server.url) as plain:
            pairs = [(await timed(cross), await timed(plain)) for _ in range(RUNS)]
    finally:
        server.stop()
    p50, p99, base50, base99 = (statistics.median(values) for values in zip(*((*a, *b) for a, b in pairs), strict=True))
    return (
        f"across two gateways, socket to socket: p50 {p50:.2f} ms, p99 {p99:.2f} ms; "
        f"core NATS publish to subscribe: p50 {base50:.2f} ms, p99 {base99:.2f} ms; "
        f"ratio of p50 {p50 / base50:.1f} (medians of {RUNS} runs of {COUNT})"
    )


async def timed(once: Once) -> tuple[float, float]:
    """(p50, p99) of one run in milliseconds, after a warm-up."""
    took = []
    for _ in range(WARM + COUNT):
        started = time.perf_counter()
        await once()
        took.append((time.perf_counter() - started) * 1000)
    ordered = sorted(took[WARM:])
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99)]


@asynccontextmanager
async def crossing(system: System) -> AsyncIterator[Once]:
    """Sends on gateway 1 and waits for the delivery by gateway 2: real tokens, history and projector running."""
    token = system.token("bench")
    async with connected(system.addresses[0], token) as sender, connected(system.addresses[1], token) as receiver:
        session = (await sender.rpc("session.create", id=ids.uuid7(), title="bench"))["session_id"]
        await receiver.call("subscribe", channel=f"session:{session}")

        async def once() -> None:
            frame, _ = sender.start(
                "rpc", method="message.send", data={"id": ids.uuid7(), "session_id": session, "content": "x" * 100}
            )
            await sender.socket.send(frame, text=True)
            await receiver.event()

        yield once


@asynccontextmanager
async def core(url: str) -> AsyncIterator[Once]:
    """Publishes on one connection and waits for the delivery on another: the least that any bus costs."""
    publisher, subscriber = await nats.connect(url), await nats.connect(url)
    arrived = asyncio.Event()

    async def on_message(_message: Msg) -> None:
        arrived.set()

    await subscriber.subscribe("bench", cb=on_message)
    await subscriber.flush()

    async def once() -> None:
        arrived.clear()
        await publisher.publish("bench", b"x" * 300)
        await arrived.wait()

    try:
        yield once
    finally:
        await publisher.close()
        await subscriber.close()
