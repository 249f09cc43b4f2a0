"""What Antiphon adds to a token: from the provider's socket to a reader's, beside reading the provider directly.

The provider writes the time into each token. In each round one reader has its answers from the provider itself and
another one, in the same process, through worker, bus and gateway; both at the same time.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from services.ops import ports, process
from services.ops.process import Command
from shared import ids
from tests.support.client import Client, connected
from tests.support.eventually import eventually
from tests.support.services import CLEAN
from tests.support.system import System, whole_system

TOKENS, PAUSE_MS, ROUNDS = 200, 20, 3
WINDOWS_MS = (0, 25)
MANY = 10  # replies at the same time


async def measure(directory: Path) -> list[str]:
    """A line for each coalescing window: one reply at a time, and many."""
    lines = []
    async with provider(directory, TOKENS, PAUSE_MS) as url:
        for window_ms in WINDOWS_MS:
            environment = {
                "OPENAI_BASE_URL": url,
                "ANTIPHON_CHUNK_MS": str(window_ms),
                "ANTIPHON_LOG_LEVEL": "warning",
                "ANTIPHON_COMMANDS_PER_S": "0",
                "ANTIPHON_CONNECTIONS_PER_USER": "0",
            }
            async with whole_system(directory / f"window-{window_ms}", environment=environment) as system:
                lines += [await compared(system, url, window_ms, at_once) for at_once in (1, MANY)]
    return lines


async def compared(system: System, url: str, window_ms: int, at_once: int) -> str:
    """Medians over the rounds of both readers' p50 and p99."""
    rounds = []
    async with AsyncExitStack() as stack:
        token = system.token("bench")
        address = system.addresses[0]
        clients = [await stack.enter_async_context(connected(address, token)) for _ in range(at_once)]
        sessions = [await open_session(client) for client in clients]
        for number in range(ROUNDS + 1):  # the first one warms up
            places = zip(clients, sessions, strict=True)
            through = asyncio.gather(*(answered(*place) for place in places))
            direct = asyncio.gather(*(asked(url) for _ in range(at_once)))
            both = [sorted(late for one in lists for late in one) for lists in await asyncio.gather(through, direct)]
            if number:
                rounds.append([_percentile(lates, share) for lates in both for share in (0.5, 0.99)])
    p50, p99, base50, base99 = (statistics.median(values) for values in zip(*rounds, strict=True))
    return (
        f"a token through Antiphon, window {window_ms} ms, {at_once} at once: p50 {p50:.1f} ms, p99 {p99:.1f} ms; "
        f"read from the provider: p50 {base50:.1f} ms, p99 {base99:.1f} ms; added: p50 {p50 - base50:.1f} ms, "
        f"p99 {p99 - base99:.1f} ms (medians of {ROUNDS} rounds of {TOKENS} tokens each, {1000 // PAUSE_MS}/s)"
    )


async def open_session(client: Client) -> str:
    """The id of a new session whose events the client gets."""
    made = await client.rpc("session.create", id=ids.uuid7(), title="bench")
    await client.call("subscribe", channel=f"session:{made['session_id']}")
    return str(made["session_id"])


async def answered(client: Client, session_id: str) -> list[float]:
    """Ages in ms of the tokens of one reply, as they came on the client's socket."""
    await client.send_message(session_id, "Go", reply=True)
    ages: list[float] = []
    while True:
        data = (await client.publication())["data"]
        if data["type"] == "reply.delta":
            ages += _ages(data["text"])
        elif data["type"] == "reply.completed.v1":
            return ages
        elif data["type"] == "reply.failed.v1":
            raise RuntimeError(f"the reply failed: {data['data']['message']}")


async def asked(url: str) -> list[float]:
    """Ages in ms of the tokens of one answer, as they came from the provider."""
    ages: list[float] = []
    body = {"model": "bench", "stream": True, "messages": [{"role": "user", "content": "Go"}]}
    async with httpx.AsyncClient(timeout=60) as http, http.stream("POST", f"{url}/chat/completions", json=body) as got:
        async for line in got.aiter_lines():
            if line.startswith("data: {"):
                ages += _ages(json.loads(line[6:])["choices"][0]["delta"].get("content", ""))
    return ages


def _ages(text: str) -> list[float]:
    now = time.monotonic_ns()
    return [(now - int(stamp)) / 1e6 for stamp in text.split()]


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[int(len(ordered) * share)]


@asynccontextmanager
async def provider(directory: Path, tokens: int, pause_ms: int) -> AsyncIterator[str]:
    """The address of a provider in a process of its own."""
    port = ports.free_port()
    words = (sys.executable, "-m", "tests.bench.provider", str(port), str(tokens), str(pause_ms))
    command = Command(words, CLEAN)
    popen = process.spawn(command, directory / "provider.log")
    try:
        await eventually(lambda: not ports.is_free(port))
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.stop(popen, command.stop_signal, 5)
