"""Background work that belongs to a block: it can't outlive the block, and the block can't outlive its failure."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

AGAIN_S = 1.0


@asynccontextmanager
async def background(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs the coroutines while the block runs, and cancels them when it ends.

    If one raises, the block is cancelled and an ExceptionGroup with the cause is raised in its place.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine) for coroutine in coroutines]
        try:
            yield
        finally:
            await cancel(*tasks)


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Afterwards the tasks have ended.

    Once is not enough: `asyncio.wait_for` before Python 3.12 (and so nats-py) swallows a cancellation that comes at
    the same moment as the result.
    """
    for task in tasks:
        task.cancel()
    while pending := [task for task in tasks if not task.done()]:
        await asyncio.wait(pending, timeout=AGAIN_S)
        for task in pending:
            task.cancel()
