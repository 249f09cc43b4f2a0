"""What a second and a third worker add: replies a second, with a provider that takes its time."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.tokens import answered, open_session, provider
from tests.support.client import connected
from tests.support.system import System, whole_system

REPLIES, SLOTS = 60, 10
TOKENS, PAUSE_MS = 25, 40  # a second for each reply
COUNTS = (1, 2, 3)


async def measure(directory: Path) -> str:
    """One line: replies a second by number of workers, each with ten slots, and what they would reach at the best."""
    rates = {}
    async with provider(directory, TOKENS, PAUSE_MS) as url:
        for count in COUNTS:
            environment = {
                "OPENAI_BASE_URL": url,
                "ANTIPHON_GENERATIONS": str(SLOTS),
                "ANTIPHON_LOG_LEVEL": "warning",
                "ANTIPHON_COMMANDS_PER_S": "0",
                "ANTIPHON_CONNECTIONS_PER_USER": "0",
            }
            flags = ("--workers", str(count))
            async with whole_system(directory / f"workers-{count}", *flags, environment=environment) as system:
                rates[count] = await rate(system)
    best_of_one = SLOTS * 1000 / (TOKENS * PAUSE_MS)
    return "; ".join(
        f"{count} worker{'s' * (count > 1)}: {rate:.1f} replies/s (at the best {count * best_of_one:.0f})"
        for count, rate in rates.items()
    )


async def rate(system: System) -> float:
    """Replies a second, all asked for at once in sessions of their own."""
    async with AsyncExitStack() as stack:
        token = system.token("bench")
        clients = [await stack.enter_async_context(connected(system.addresses[0], token)) for _ in range(REPLIES)]
        sessions = [await open_session(client) for client in clients]
        await answered(clients[0], sessions[0])
        started_at = time.monotonic()
        await asyncio.gather(*(answered(*place) for place in zip(clients, sessions, strict=True)))
        return REPLIES / (time.monotonic() - started_at)
