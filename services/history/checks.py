"""What readiness asks."""

import time
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import log as event_log
from services.history import stream
from shared import db, errors, subjects
from shared.bus.connection import Bus

STANDSTILL_S = 10.0


class Checks:
    """Looks at the database, the bus, and whether the log follows the stream."""

    def __init__(self, bus: Bus, engine: AsyncEngine) -> None:
        self._bus = bus
        self._engine = engine
        self._seen = (-1, 0.0)  # a head with events waiting behind it, and since when (monotonic seconds)

    async def postgres(self) -> dict[str, Any]:
        """It answers."""
        await db.ping(self._engine)
        return {}

    async def nats(self) -> dict[str, Any]:
        """The connection stands."""
        if not self._bus.is_connected:
            raise errors.Unavailable("not connected")
        return {}

    async def stream(self) -> dict[str, Any]:
        """It continues the log."""
        head, info = await stream.looked_at(self._bus, self._engine)
        return {"epoch": head.epoch, "first_seq": info.state.first_seq, "last_seq": info.state.last_seq}

    async def lag(self) -> dict[str, Any]:
        """The log moves while events wait."""
        info = await self._bus.js.stream_info(subjects.EVENTS)
        head = await event_log.head(self._engine)
        events = max(0, info.state.last_seq - head.seq)
        now = time.monotonic()
        if not events or self._seen[0] != head.seq:
            self._seen = (head.seq, now)
        stood_s = now - self._seen[1]
        if events and stood_s > STANDSTILL_S:
            raise errors.Unavailable(f"{events} events wait, and the log has stood at {head.seq} for {stood_s:.0f} s")
        return {"head_seq": head.seq, "events": events}
