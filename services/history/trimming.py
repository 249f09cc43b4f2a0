"""The hot window: what EVENTS holds for direct reading. What is older is in the log alone.

Nothing is ever trimmed that is not in the log, that the intake of replies has not seen, or that is younger than the
window. Without a window nothing is.
"""

import asyncio
import time
from typing import Final

import nats.errors
from nats.js.errors import APIError, NotFoundError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.history import metrics, stream
from shared import subjects
from shared.bus.connection import Bus
from shared.logging import get_logger

log = get_logger("trimming")

DAY_S: Final = 86_400.0
LOOK_S: Final = 60.0
_TIME: Final = text("SELECT stream_time_ns FROM log.events WHERE seq = :seq")


class Trimmer:
    """Removes from the stream what has left the window."""

    def __init__(self, bus: Bus, engine: AsyncEngine, hot_days: float) -> None:
        self._bus = bus
        self._engine = engine
        self._hot_s = hot_days * DAY_S

    async def run(self) -> None:
        """Goes on for ever; without a window it does nothing."""
        if not self._hot_s:
            await asyncio.Event().wait()
        while True:
            try:
                await self.trim(time.time_ns())
            except (APIError, nats.errors.Error) as error:  # appending goes on; this is tried again
                log.warning("stream_not_trimmed", error=repr(error))
            await asyncio.sleep(min(LOOK_S, self._hot_s / 4))

    async def trim(self, now_ns: int) -> int:
        """How many events went. The stream's first one is younger than the window now, or was held back.

        Raises:
            StandStill: stream and log do not belong together; nothing was trimmed.
        """
        head, info = await stream.looked_at(self._bus, self._engine)
        first = info.state.first_seq
        if not info.state.messages:
            return 0
        last = min(head.seq, await self._seen_by_intake(head.seq), info.state.last_seq - 1)
        async with self._engine.connect() as connection:
            keep = await _first_younger(connection, first, last, now_ns - int(self._hot_s * 10**9))
        if keep <= first:
            return 0
        await self._bus.js.purge_stream(subjects.EVENTS, seq=keep)  # everything before it; never above last_seq
        metrics.TRIMMED.inc(keep - first)
        log.info("stream_trimmed", first_seq=keep, events=keep - first)
        return keep - first

    async def _seen_by_intake(self, otherwise: int) -> int:
        """Up to where every request for a reply has become a job; where no worker ever ran, there is no such place."""
        try:
            info = await self._bus.js.consumer_info(subjects.EVENTS, subjects.LLM_INTAKE)
        except NotFoundError:
            return otherwise
        return int(info.ack_floor.stream_seq) if info.ack_floor else 0


async def _first_younger(connection: AsyncConnection, first: int, last: int, than_ns: int) -> int:
    """The first position in [first, last + 1] that is not older; times grow with positions."""
    low, high = first, last + 1
    while low < high:
        middle = (low + high) // 2
        found = (await connection.execute(_TIME, {"seq": middle})).scalar_one()
        if found < than_ns:
            low = middle + 1
        else:
            high = middle
    return low
