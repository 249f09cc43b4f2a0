"""Background work that belongs to a block: it can't outlive the block, and the block can't outlive its failure."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


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
            for task in tasks:
                task.cancel()
