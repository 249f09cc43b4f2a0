"""What readiness asks."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.projector import live, source, store
from services.projector.tables import parked
from shared import db, errors
from shared.bus.connection import Bus

LAG_LIMIT_EVENTS = 10_000


class Checks:
    """Looks at the database, the bus, and how far the read models are behind the log."""

    def __init__(self, bus: Bus, engine: AsyncEngine) -> None:
        self._bus = bus
        self._engine = engine

    async def postgres(self) -> dict[str, Any]:
        """It answers."""
        await db.ping(self._engine)
        return {}

    async def nats(self) -> dict[str, Any]:
        """The connection stands."""
        if not self._bus.is_connected:
            raise errors.Unavailable("not connected")
        return {}

    async def lag(self) -> dict[str, Any]:
        """The read models are near the log's head."""
        async with live.reading(self._engine) as connection:
            at = await store.checkpoint(connection)
            _, head_seq = await source.head(connection)
        if head_seq - at.seq > LAG_LIMIT_EVENTS:
            raise errors.Unavailable(f"{head_seq - at.seq} events behind the log")
        return {"applied_seq": at.seq, "events": head_seq - at.seq}

    async def parked(self) -> dict[str, Any]:
        """Sessions with an event that can't be folded. The others go on, so this is no failure."""
        async with live.reading(self._engine) as connection:
            count = (await connection.execute(select(func.count()).select_from(parked))).scalar_one()
            names = (await connection.execute(select(parked).order_by(parked.c.seq).limit(10))).mappings().all()
        return {"sessions": count, "first": [dict(row) for row in names]}
