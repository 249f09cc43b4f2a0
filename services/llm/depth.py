"""How many jobs there are and how long the oldest has been there: the queue as its metrics show it."""

import asyncio
import time

import nats.errors
from nats.js.errors import APIError, NotFoundError

from services.llm.jobs import DURABLE
from services.llm.metrics import OLDEST, QUEUED, WAITING
from shared import subjects
from shared.bus import streams
from shared.bus.connection import Bus
from shared.logging import get_logger

log = get_logger("depth")


async def watch_depth(bus: Bus, every_s: float) -> None:
    """Measures for ever."""
    await streams.ensure(bus.js, streams.PROMPTS)
    while True:
        try:
            await measure(bus)
        except (nats.errors.Error, APIError) as error:
            log.warning("depth_unknown", error=repr(error))
        await asyncio.sleep(every_s)


async def measure(bus: Bus) -> None:
    """The metrics show the queue as it is now."""
    state = (await bus.js.stream_info(subjects.PROMPTS)).state
    QUEUED.set(state.messages)
    WAITING.set(await _untaken(bus, state.messages))
    OLDEST.set(await _age_s(bus, state.first_seq) if state.messages else 0.0)


async def _untaken(bus: Bus, jobs: int) -> int:
    try:
        return (await bus.js.consumer_info(subjects.PROMPTS, DURABLE)).num_pending or 0
    except NotFoundError:  # no worker has begun yet
        return jobs


async def _age_s(bus: Bus, seq: int) -> float:
    try:
        job = await bus.js.get_msg(subjects.PROMPTS, seq)
    except NotFoundError:  # done in this moment
        return 0.0
    return max(0.0, time.time() - job.time.timestamp()) if job.time else 0.0
