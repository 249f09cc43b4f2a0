"""One room, 200 receivers on two gateways: as fast as it goes (S2), and at 200 messages a second (S2P).

Beside it, in the same run, `websockets.broadcast` in one process to as many receivers.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

from services.ops import ports
from shared import ids
from tests.bench import clock
from tests.bench import socket as sockets
from tests.bench.member import Receiver, command, member, text
from tests.support.client import connected
from tests.support.eventually import eventually
from tests.support.system import System

RECEIVERS, RUNS = 200, 3
FAST_COUNT, WINDOW = 2000, 50
PACED_COUNT, PER_S = 1000, 200
SILENCE_S = 10.0


@dataclass
class Room:
    """Receivers, a way to send the message of a number, and the processes that serve them."""

    receivers: list[Receiver]
    send: Callable[[int], None]
    root: psutil.Process
    sent: int = 0

    def post(self) -> None:
        self.send(self.sent)
        self.sent += 1

    def cpu_s(self) -> float:
        """CPU time of the serving process and all its descendants, seconds."""
        processes = [self.root, *self.root.children(recursive=True)]
        return sum(sum(each.cpu_times()[:2]) for each in processes)


@dataclass(frozen=True)
class Figures:
    """What one run showed."""

    per_s: float
    cpu_ms: float  # per 1,000 deliveries
    p50_ms: float
    p99_ms: float


async def measure(system: System) -> list[str]:
    """Two lines: medians of the runs, candidate and baseline in turn."""
    async with served(system) as room, broadcast() as plain:
        lines = []
        for name, load in (("S2, window 50", fast), (f"S2P, {PER_S} messages a second", paced)):
            pairs = [(await run(room, load), await run(plain, load)) for _ in range(RUNS)]
            ours, theirs = (median(list(side)) for side in zip(*pairs, strict=True))
            lines.append(
                f"{name}, one room, {RECEIVERS} receivers on two gateways: {line(ours)}; "
                f"websockets.broadcast, one process, nothing stored: {line(theirs)}; "
                f"ratio of CPU {ours.cpu_ms / theirs.cpu_ms:.1f} (medians of {RUNS} runs)"
            )
        return lines


def line(figures: Figures) -> str:
    return (
        f"{figures.per_s:,.0f} deliveries/s, {figures.cpu_ms:.1f} ms CPU per 1,000, "
        f"p50 {figures.p50_ms:.1f} ms, p99 {figures.p99_ms:.1f} ms"
    )


def median(runs: list[Figures]) -> Figures:
    return Figures(*(statistics.median(getattr(each, name) for each in runs) for name in Figures.__annotations__))


async def run(room: Room, load: Callable[[Room], Awaitable[int]]) -> Figures:
    """One run of `load`. Every receiver must get every message, in order."""
    for receiver in room.receivers:
        receiver.start(room.sent)
    cpu_s, started = room.cpu_s(), time.perf_counter()
    count = await load(room)
    assert not any(receiver.socket.closed for receiver in room.receivers)
    await eventually(lambda: min(receiver.count for receiver in room.receivers) == count, SILENCE_S)
    took_s, cpu_s = time.perf_counter() - started, room.cpu_s() - cpu_s
    assert not any(receiver.disordered for receiver in room.receivers)
    deliveries = count * len(room.receivers)
    took = sorted(ns / 1e6 for receiver in room.receivers[:2] for ns in receiver.took_ns)
    return Figures(deliveries / took_s, cpu_s / deliveries * 1e6, statistics.median(took), took[int(len(took) * 0.99)])


async def fast(room: Room, count: int = FAST_COUNT, window: int = WINDOW) -> int:
    """Sends as many as are delivered to the first receiver, with up to `window` on their way."""
    first = room.receivers[0]
    sent = 0
    while first.count < count:
        while sent < count and sent - first.count < window:
            room.post()
            sent += 1
        first.came.clear()
        await asyncio.wait_for(first.came.wait(), SILENCE_S)
    return sent


async def paced(room: Room) -> int:
    """Sends at an even pace."""
    started = asyncio.get_running_loop().time()
    for number in range(PACED_COUNT):
        await clock.until(started + number / PER_S)
        room.post()
    return PACED_COUNT


@asynccontextmanager
async def served(system: System, receivers: int = RECEIVERS) -> AsyncIterator[Room]:
    """A session of the system, in which each receiver is a participant of its own: real tokens, history and projector
    running. The first receiver is on gateway 2.
    """
    token = system.token("bench")
    async with connected(system.addresses[0], token) as client:
        session_id = (await client.rpc("session.create", id=ids.uuid7(), title="bench"))["session_id"]
        invited = (await client.rpc("session.invite", id=ids.uuid7(), session_id=session_id))["invite"]
    everybody = []
    for number in range(1, receivers + 1):
        address, own = system.addresses[number % 2], system.token(f"bench-{number}")
        async with connected(address, own) as client:
            await client.rpc("session.join", id=ids.uuid7(), invite=invited)
        everybody.append(await member(address, own, session_id))
    sender = await member(system.addresses[0], token, await _own(system, token))
    Receiver(sender)  # answers pings
    room = Room(
        [Receiver(each) for each in everybody],
        lambda number: sender.send(command(session_id, number)),
        psutil.Process(system.popen.pid),
    )
    try:
        yield room
    finally:
        for each in (*everybody, sender):
            each.close()


async def _own(system: System, token: str) -> str:
    """A session in which nothing is said, for who only sends."""
    async with connected(system.addresses[0], token) as client:
        made: str = (await client.rpc("session.create", id=ids.uuid7(), title="quiet"))["session_id"]
        return made


@asynccontextmanager
async def broadcast() -> AsyncIterator[Room]:
    """The baseline's room, in a process of its own."""
    port = ports.free_port()
    popen = subprocess.Popen([sys.executable, "-m", "tests.bench.plain", str(port)])
    try:
        url = f"http://127.0.0.1:{port}/"
        sender = await eventually(lambda: _reached(url))
        receivers = [Receiver(await sockets.connect(url)) for _ in range(RECEIVERS)]
        yield Room(receivers, lambda number: sender.send(text(number).encode()), psutil.Process(popen.pid))
    finally:
        popen.terminate()
        popen.wait()


async def _reached(url: str) -> sockets.Socket | None:
    try:
        return await sockets.connect(url)
    except OSError:
        return None
