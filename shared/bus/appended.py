"""Waiting until the log holds what the stream holds."""

import asyncio
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg

from shared import errors, subjects
from shared.bus.connection import Bus


async def appended(bus: Bus, wanted: int, head: Callable[[], Awaitable[int]], silence_s: float) -> int:
    """The head of the log, once it is `wanted` or more. History's notices say when to look again.

    Raises:
        Unavailable: the log has not moved for `silence_s`.
    """
    moved = asyncio.Event()

    async def wake(_message: Msg) -> None:
        moved.set()

    subscription = await bus.client.subscribe(subjects.LOG_APPENDED, cb=wake)
    try:
        while (reached := await head()) < wanted:
            try:
                await asyncio.wait_for(moved.wait(), silence_s)
            except TimeoutError:
                if await head() == reached:
                    raise errors.Unavailable(f"the log stays at {reached}, not yet at {wanted}") from None
            moved.clear()
    finally:
        await subscription.unsubscribe()
    return reached
