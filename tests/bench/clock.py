"""Measuring goes by the clock: there is no condition to wait for, as a test would."""

import asyncio


async def until(moment: float) -> None:
    """Returns at `moment` of the loop's clock, at once if it has passed."""
    loop = asyncio.get_running_loop()
    reached = loop.create_future()
    loop.call_at(moment, reached.set_result, None)
    await reached


async def rest(seconds: float) -> None:
    """Returns `seconds` later."""
    await until(asyncio.get_running_loop().time() + seconds)
