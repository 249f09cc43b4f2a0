"""Many rooms of two, one member on each gateway, who answer each other as fast as it goes (S3).

Beside it, in the same run, the same ping-pong over core NATS, without sockets and without storage.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.aio.msg import Msg

from shared import ids
from tests.bench import clock
from tests.bench.member import command, member, read, text
from tests.support.client import connected
from tests.support.servers import NatsServer
from tests.support.system import System

ROOMS, WARM_S, MEASURED_S, RUNS = 200, 1.0, 4.0, 3


class Tally:
    """Messages that crossed while it counted."""

    def __init__(self) -> None:
        self.took_ns: list[int] = []
        self.counts = False

    def crossed(self, ns: int) -> None:
        if self.counts:
            self.took_ns.append(ns)


async def measure(system: System, directory: Path) -> str:
    """One line: medians of the runs, candidate and baseline in turn."""
    server = NatsServer(directory / "crowd")
    server.launch()
    await server.ready()
    try:
        ours, theirs = Tally(), Tally()
        async with talking(system, ours) as pause_ours, over_nats(server.url, theirs) as pause_theirs:
            pairs = []
            for _ in range(RUNS):
                pairs.append((*await timed(ours, pause_ours), *await timed(theirs, pause_theirs)))
    finally:
        server.stop()
    per_s, p50, p99, base_per_s, base50, base99 = (statistics.median(values) for values in zip(*pairs, strict=True))
    return (
        f"S3, {ROOMS} rooms of two, one member on each gateway, answering each other: "
        f"{per_s:,.0f} messages/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms; core NATS, no sockets, nothing stored: "
        f"{base_per_s:,.0f} messages/s, p50 {base50:.1f} ms, p99 {base99:.1f} ms (medians of {RUNS} runs)"
    )


async def timed(tally: Tally, talk: Callable[[bool], None]) -> tuple[float, float, float]:
    """(messages/s, p50, p99 in ms) of one run; then everybody is silent."""
    talk(True)
    await clock.rest(WARM_S)
    tally.took_ns, tally.counts = [], True
    started = time.perf_counter()
    await clock.rest(MEASURED_S)
    tally.counts = False
    took_s = time.perf_counter() - started
    talk(False)
    await clock.rest(WARM_S)
    took = sorted(ns / 1e6 for ns in tally.took_ns)
    return len(took) / took_s, statistics.median(took), took[int(len(took) * 0.99)]


@asynccontextmanager
async def talking(system: System, tally: Tally) -> AsyncIterator[Callable[[bool], None]]:
    """Rooms of the system: real tokens, history and projector running. Even numbers are the first member's."""
    token = system.token("bench")
    async with connected(system.addresses[0], token) as client:
        made = [client.rpc("session.create", id=ids.uuid7(), title="bench") for _ in range(ROOMS)]
        sessions = [(await each)["session_id"] for each in made]
    pairs = [[await member(address, token, each) for address in system.addresses[:2]] for each in sessions]
    on = False

    def join(room: int, me: int) -> None:
        socket, counter = pairs[room][me], me

        def on_text(payload: bytes) -> None:
            nonlocal counter
            for line in payload.split(b"\n"):
                if line == b"{}":
                    socket.send(b"{}")
                elif line.startswith(b'{"push"') and (found := read(line)) is not None and found[0] % 2 != me:
                    tally.crossed(found[1])
                    if on:
                        counter += 2
                        socket.send(command(sessions[room], counter))

        socket.on_text = on_text

    def talk(go: bool) -> None:
        nonlocal on
        on = go
        for room, (first, _) in enumerate(pairs):
            if go:
                first.send(command(sessions[room], 0))

    for room in range(ROOMS):
        join(room, 0)
        join(room, 1)
    try:
        yield talk
    finally:
        for each in (socket for pair in pairs for socket in pair):
            each.close()


@asynccontextmanager
async def over_nats(url: str, tally: Tally) -> AsyncIterator[Callable[[bool], None]]:
    """The same rooms as subjects: one connection for the first members, one for the second."""
    sides = [await nats.connect(url), await nats.connect(url)]
    on = False

    async def on_message(message: Msg) -> None:
        found = read(message.data)
        side, room = message.subject.split(".")[1:]
        if found is not None:
            tally.crossed(found[1])
        if on:
            me = int(side)
            await sides[me].publish(f"room.{1 - me}.{room}", text(0).encode())

    for side, connection in enumerate(sides):
        await connection.subscribe(f"room.{side}.*", cb=on_message)
        await connection.flush()  # one is not enough: nats-py may send the ping before the subscription
        await connection.flush()
    publishing: set[asyncio.Task[None]] = set()

    def talk(go: bool) -> None:
        nonlocal on
        on = go
        if go:
            for room in range(ROOMS):
                task = asyncio.ensure_future(sides[0].publish(f"room.1.{room}", text(0).encode()))
                publishing.add(task)
                task.add_done_callback(publishing.discard)

    try:
        yield talk
    finally:
        for connection in sides:
            await connection.close()
