"""Making a session whole in the background: one fill at a time, and once more if it is asked for meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable

from shared import errors
from shared.bus.connection import Bus
from shared.logging import get_logger

log = get_logger("repair")

PAUSE_S = 0.2


class Repair:
    """Of one session; `fill` is given the cause."""

    def __init__(self, bus: Bus, session_id: str, fill: Callable[[str], Awaitable[None]]) -> None:
        self._bus = bus
        self._session_id = session_id
        self._fill = fill
        self._under_way: asyncio.Task[None] | None = None
        self._again = ""  # the cause of a next one

    def start(self, cause: str) -> None:
        """What is missing now is filled soon."""
        if self._under_way is not None and not self._under_way.done():
            self._again = cause
        else:
            self._under_way = asyncio.create_task(self._until_whole(cause))

    def stop(self) -> None:
        """Nothing is filled any more."""
        if self._under_way is not None:
            self._under_way.cancel()

    async def _until_whole(self, cause: str) -> None:
        while True:
            self._again = ""
            try:
                await self._fill(cause)
            except errors.AntiphonError as error:
                log.warning("fill_failed", session_id=self._session_id, cause=cause, error=str(error))
                if not self._bus.is_connected:
                    return  # every open feed is checked after the reconnect
                self._again = cause
                await asyncio.sleep(PAUSE_S)  # the bus gives no notice that it answers again
            if not self._again:
                return  # a gap that is still there is seen again with the next copy, or by the sweep
            cause = self._again
