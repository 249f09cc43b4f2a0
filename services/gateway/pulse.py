"""Moments that many wait for: one timer for all who are due at about the same time.

A timer of the loop's own takes half a kilobyte with all that it holds, which is a good part of an idle connection.
"""

import asyncio
from typing import Protocol

from shared.logging import get_logger

log = get_logger("pulse")

GRAIN_S = 0.05  # nobody is early, or later than that


class Waiter(Protocol):
    """Somebody who waits."""

    def due(self) -> None:
        """The moment has come. Returns at once."""


class Pulse:
    """Who waits for which moment. `after` and `forget` cost the same however many wait."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._moments: dict[int, set[Waiter]] = {}

    def after(self, delay_s: float, waiter: Waiter) -> int:
        """`waiter.due` will be called once, in `delay_s` seconds; what is given is the moment's name, for `forget`."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # what another loop was to call is never called
            self._loop, self._moments = loop, {}
        moment = int((loop.time() + delay_s) / GRAIN_S) + 1
        waiting = self._moments.get(moment)
        if waiting is None:
            waiting = self._moments[moment] = set()
            loop.call_at(moment * GRAIN_S, self._come, moment)
        waiting.add(waiter)
        return moment

    def forget(self, moment: int, waiter: Waiter) -> None:
        """It waits no more. One that did not is no error."""
        waiting = self._moments.get(moment)
        if waiting is not None:
            waiting.discard(waiter)

    def _come(self, moment: int) -> None:
        waiting = self._moments.get(moment, set())
        while waiting:  # who is told may make others forget
            try:
                waiting.pop().due()
            except Exception:  # one client's fault must not reach the others
                log.exception("due_failed")
        self._moments.pop(moment, None)
