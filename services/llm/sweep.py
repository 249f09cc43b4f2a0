"""Replies that are open although nobody works on them are enqueued again: a job may be lost, the log is not.

A session that still has jobs in PROMPTS is left alone. `n` comes from the clock, so that the workers, who all sweep,
enqueue a reply once.
"""

import asyncio
import time
from typing import Any

import nats.errors

from services.llm.context import PROJECTOR
from services.llm.intake import Job, enqueue
from services.llm.metrics import SWEPT
from shared import errors, subjects
from shared.bus.connection import Bus
from shared.bus.query import QueryClient
from shared.logging import get_logger

log = get_logger("sweep")

LIMIT = 500
FIRST_N = 2  # 1 is the intake's


async def run_sweep(bus: Bus, queries: QueryClient, every_s: float) -> None:
    """Sweeps for ever; a projector that is away is asked again at the next turn."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await sweep(bus, queries, every_s)
        except (errors.AntiphonError, nats.errors.Error) as error:
            log.warning("not_swept", error=repr(error))


async def sweep(bus: Bus, queries: QueryClient, older_than_s: float) -> int:
    """How many replies were enqueued again of those asked for at least `older_than_s` ago that have no job.

    Raises:
        AntiphonError: the projector does not answer, or refuses.
        Unavailable: the bus does not acknowledge.
    """
    answer = await queries.ask(PROJECTOR, "open_replies", {"older_than_s": older_than_s, "limit": LIMIT})
    count = 0
    for found in answer["replies"]:
        job = _job(found, n=FIRST_N + int(time.time() / older_than_s))
        if not await _has_jobs(bus, job.session_id):
            await enqueue(bus, job)
            SWEPT.inc()
            count += 1
    if count:
        log.info("replies_enqueued_again", count=count)
    return count


def _job(found: dict[str, Any], n: int) -> Job:
    return Job(session_id=found["session_id"], reply_id=found["reply_id"], seq=found["requested_seq"], n=n)


async def _has_jobs(bus: Bus, session_id: str) -> bool:
    info = await bus.js.stream_info(subjects.PROMPTS, subjects_filter=subjects.prompt(session_id))
    return bool(info.state.subjects)
