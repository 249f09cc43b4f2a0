"""How far the read models reach, for queries that must see a position: notified, not polled."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from services.projector import live, store
from shared import errors
from shared.pace import Pace

APART_S = 0.2  # between transactions while there is traffic, unless somebody waits for a position


class Progress:
    """The highest position that this process knows to be applied."""

    def __init__(self, engine: AsyncEngine, wait_s: float) -> None:
        self._engine = engine
        self._wait_s = wait_s
        self.pace = Pace(APART_S)
        self._applied = 0
        self._moved = asyncio.Event()

    def reached(self, seq: int) -> None:
        """Wakes those who wait for positions up to `seq`."""
        self._applied = seq  # lower after a rebuild has begun: then it is waited for again
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait_for(self, min_seq: int) -> None:
        """Returns once `min_seq` is applied.

        Raises:
            Unavailable: it is not, after a while. The caller may ask again.
        """
        if self._applied >= min_seq or await self._read() >= min_seq:
            return
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._wait_s
        while self._applied < min_seq:
            self.pace.hurry()
            moved = self._moved
            try:
                await asyncio.wait_for(moved.wait(), max(0.0, ends_at - loop.time()))
            except TimeoutError:
                if await self._read() >= min_seq:  # the notice itself may have been lost
                    return
                raise errors.Unavailable(f"read models are at {self._applied}, not yet at {min_seq}") from None

    async def _read(self) -> int:
        async with live.reading(self._engine) as connection:
            at = await store.checkpoint(connection)
        if at.seq > self._applied:
            self.reached(at.seq)
        return at.seq
