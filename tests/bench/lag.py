"""`python -m tests.bench.lag [events a second]`: how far behind the stream the log is, at a steady pace."""

import asyncio
import sys
import tempfile
from pathlib import Path

import orjson
import uvloop
from nats.aio.msg import Msg

from services.ops import migrations
from shared import subjects
from shared.bus.connection import connect
from shared.bus.streams import wait_for_events
from shared.events import encode
from tests.bench import clock
from tests.support.conversation import posted
from tests.support.eventually import eventually
from tests.support.logs import environment
from tests.support.servers import NatsServer, PostgresServer
from tests.support.services import running

SECONDS = 10
RATE = 1000  # events a second


async def measure(directory: Path, rate: int) -> str:
    """From an event's acknowledgement to the notice that it is in the log, committed."""
    servers = NatsServer(directory), PostgresServer(directory)
    for server in servers:
        server.launch()
        await server.ready()
    nats, postgres = servers
    try:
        await migrations.upgrade(postgres.url())
        async with running("history", environment(nats.url, postgres.url())), connect(nats.url, "bench") as bus:
            await wait_for_events(bus.js)
            loop, acknowledged = asyncio.get_running_loop(), dict[int, float]()
            appended: list[tuple[int, float]] = []

            async def on_appended(message: Msg) -> None:
                appended.append((orjson.loads(message.data)["seq"], loop.time()))

            await bus.client.subscribe(subjects.LOG_APPENDED, cb=on_appended)
            waiting: set[asyncio.Task[None]] = set()

            async def publish(number: int) -> None:
                event = posted(f"s{number % 50}", f"message {number}")
                ack = await bus.js.publish(subjects.event(event.subject), encode(event), timeout=20)
                acknowledged[ack.seq] = loop.time()

            began = loop.time()
            for number in range(rate * SECONDS):
                await clock.until(began + number / rate)
                waiting.add(task := asyncio.create_task(publish(number)))
                task.add_done_callback(waiting.discard)
            await eventually(lambda: bool(appended) and appended[-1][0] >= rate * SECONDS, 60)
    finally:
        for server in servers:
            server.stop()
    lags: list[float] = []
    seq = 1
    for upto, at in appended:
        lags += [max(0.0, at - acknowledged[one]) * 1000 for one in range(seq, upto + 1)]
        seq = upto + 1
    lags.sort()
    p50, p99 = (lags[int(len(lags) * share)] for share in (0.5, 0.99))
    return f"lag at {rate} events/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, over {len(lags)} events"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        print(uvloop.run(measure(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else RATE)), flush=True)
