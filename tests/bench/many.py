"""Many connections on one gateway, most of them in a few large sessions, the others each in one of its own: held, heard
from, and not lost, while the process stays small.
"""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from shared import ids
from tests.bench import clock
from tests.bench import socket as sockets
from tests.bench.socket import Socket
from tests.support.client import Client, connected

SHARED = 8  # sessions that most connections are in
OWN = 10  # one connection in so many has a session of its own
AT_A_TIME = 100
REACH_S = 30.0


@dataclass(frozen=True, slots=True)
class Held:
    """What was seen. Memory is the gateway's, resident; `idle_cpu` the share of a core while nobody said anything."""

    connections: int
    lost: int
    pinged: int
    reached: int
    connect_s: float
    before_mb: int
    held_mb: int
    most_mb: int
    idle_cpu: float

    def __str__(self) -> str:
        kib = (self.held_mb - self.before_mb) * 1024 / self.connections
        return (
            f"{self.connections:,} connections on one gateway, subscribed in {self.connect_s:.0f} s: {self.lost} lost, "
            f"{self.reached:,} reached by the next message, {self.held_mb} MB resident ({kib:.1f} KiB each), at most "
            f"{self.most_mb} MB, {self.idle_cpu:.1%} of a core while idle"
        )


class Holder:
    """One connection that answers pings and counts the messages it gets."""

    __slots__ = ("events", "pings", "ready", "socket")

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.pings = 0
        self.events = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        socket.on_text = self._take

    def _take(self, payload: bytes) -> None:
        for line in payload.split(b"\n"):
            if line == b"{}":
                self.pings += 1
                self.socket.send(b"{}")
            elif line.startswith(b'{"push"'):
                self.events += b'"message.posted.v1"' in line
            elif line.startswith(b'{"id":2') and not self.ready.done():
                assert b'"error"' not in line, line
                self.ready.set_result(None)


async def hold(address: str, pid: int, token: str, count: int, hold_s: float) -> Held:
    """Opens `count` connections of one user, holds them for `hold_s` seconds, and sends one message to each."""
    async with connected(address, token) as owner:
        own = await made(owner, count // OWN)
        shared = await made(owner, SHARED)
        before_mb = resident_mb(pid)
        places = own + [shared[number % SHARED] for number in range(count - len(own))]
        began_at = time.perf_counter()
        holders: list[Holder] = []
        for start in range(0, count, AT_A_TIME):
            holders += await asyncio.gather(
                *(opened(address, token, each) for each in places[start : start + AT_A_TIME])
            )
        connect_s = time.perf_counter() - began_at
        most_mb, cpu_s = resident_mb(pid), cpu_seconds(pid)
        await clock.rest(hold_s)
        idle_cpu, held_mb = (cpu_seconds(pid) - cpu_s) / hold_s, resident_mb(pid)
        for session_id in shared + own:
            await owner.send_message(session_id, "heard by all")
        ends_at = time.perf_counter() + REACH_S
        while time.perf_counter() < ends_at and not all(holder.events for holder in holders):
            await clock.rest(0.2)
            most_mb = max(most_mb, resident_mb(pid))
    held = Held(
        connections=count,
        lost=sum(holder.socket.closed for holder in holders),
        pinged=sum(holder.pings > 0 for holder in holders),
        reached=sum(holder.events == 1 for holder in holders),
        connect_s=connect_s,
        before_mb=before_mb,
        held_mb=held_mb,
        most_mb=max(most_mb, held_mb),
        idle_cpu=idle_cpu,
    )
    for holder in holders:
        holder.socket.close()
    return held


async def made(owner: Client, count: int) -> list[str]:
    """The ids of so many new sessions."""
    found: list[str] = []
    while len(found) < count:
        wanted = min(AT_A_TIME, count - len(found))
        creates = (owner.rpc("session.create", id=ids.uuid7(), title="many") for _ in range(wanted))
        found += [each["session_id"] for each in await asyncio.gather(*creates)]
    return found


async def opened(address: str, token: str, session_id: str) -> Holder:
    """A connection that is signed in and subscribed."""
    holder = Holder(await sockets.connect(f"{address}/connection/websocket"))
    commands = {"id": 1, "connect": {"token": token}}, {"id": 2, "subscribe": {"channel": f"session:{session_id}"}}
    holder.socket.send(b"\n".join(map(orjson.dumps, commands)))
    await asyncio.wait_for(holder.ready, REACH_S)
    return holder


def resident_mb(pid: int) -> int:
    """The memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def cpu_seconds(pid: int) -> float:
    """The processor time it has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
