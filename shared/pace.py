"""Rounds of work that begin some time apart, so that what comes meanwhile is done together."""

import asyncio


class Pace:
    """The round after a rest is not held up: waiting costs nothing unless there is traffic."""

    def __init__(self, apart_s: float) -> None:
        self._apart_s = apart_s
        self._next_at = 0.0
        self._hurry = asyncio.Event()

    async def turn(self) -> None:
        """Returns when the next round may begin: `apart_s` seconds after the one before, or when somebody hurries."""
        loop = asyncio.get_running_loop()
        left_s = self._next_at - loop.time()
        if left_s > 0 and not self._hurry.is_set():
            waker = loop.call_later(left_s, self._hurry.set)
            await self._hurry.wait()
            waker.cancel()
        self._hurry.clear()
        self._next_at = loop.time() + self._apart_s

    def hurry(self) -> None:
        """Somebody waits for what the next round brings: it may begin now."""
        self._hurry.set()
