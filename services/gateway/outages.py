"""What does not answer: the bus by how long it has been silent, the owners of the log and the read models by asking.

Silence is counted in ticks of this process. One that was stopped for a minute has heard nothing either, and that is not
the bus's doing.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

import nats.errors

from services.gateway.room import Room
from shared import subjects
from shared.bus.connection import Bus
from shared.logging import get_logger

log = get_logger("outages")

BUS: Final = "bus"
STORAGE: Final = "storage"
OWNERS: Final = {
    "history": (subjects.query("history", "head"), b"{}"),
    "projector": (subjects.query("projector", "sessions"), b'{"user":"nobody","limit":1}'),
}
TICK_S = 1.0
LOOK_S = 5.0  # a shorter one is a whole part of it, so that what is done every five seconds is done then
SHORTEST_S = 0.5
ASK_PAUSE_S = 3.0
ASK_S = 1.5


class Outages:
    """As of the last tick. `quiet_s` of silence are an outage; after `lost_s` (0: never) clients are sent elsewhere."""

    def __init__(self, quiet_s: float = 10.0, lost_s: float = 30.0) -> None:
        self.silent_s = 0.0
        self.room = Room()
        self._away: set[str] = set()
        self._quiet_s = quiet_s
        self._lost_s = lost_s
        self._soonest_s = max(SHORTEST_S, min(quiet_s, lost_s or quiet_s))

    @property
    def look_s(self) -> float:
        """How often the bus has to be asked at least, lest it counts as away because nobody asked."""
        return LOOK_S / math.ceil(LOOK_S / min(LOOK_S, self._soonest_s / 2))

    @property
    def tick_s(self) -> float:
        """How long a tick is: by as much its silence may be counted too long."""
        return min(TICK_S, self._soonest_s / 4)

    @property
    def is_quiet(self) -> bool:
        """Whether the bus counts as away."""
        return self.silent_s >= self._quiet_s

    @property
    def is_lost(self) -> bool:
        """Whether clients had better try another gateway."""
        return 0 < self._lost_s <= self.silent_s

    def names(self, *more: str) -> list[str]:
        """What is away, or full. While it is the bus, nothing is known of the others."""
        full = [STORAGE] if self.room.is_full else []
        return [BUS] if self.is_quiet else sorted({*self._away, *more, *full})

    def heard(self, filled: float) -> None:
        """The bus answered: so much of the room for events is taken (0 to 1)."""
        self.room.heard(filled)
        if self.is_quiet:
            log.info("bus_answers_again", silent_s=round(self.silent_s, 1))
        self.silent_s = 0.0

    def answered(self, owner: str, *, well: bool) -> None:
        """An owner answered its question, or did not, or could not."""
        if well:
            self._away.discard(owner)
        else:
            self._away.add(owner)

    def tick(self, elapsed_s: float) -> None:
        """So much time went by since the last tick; of a longer pause only as much counts as load may delay a tick."""
        was_quiet = self.is_quiet
        self.silent_s += min(elapsed_s, 2 * self.tick_s)
        if self.is_quiet and not was_quiet:
            log.warning("bus_silent", silent_s=round(self.silent_s, 1))


async def watch(outages: Outages, on_lost: Callable[[], None], on_change: Callable[[list[str]], None]) -> None:
    """Ticks until cancelled. `on_lost` is called when the bus becomes lost, `on_change` when something else is away."""
    loop = asyncio.get_running_loop()
    at, names = loop.time(), outages.names()
    while True:
        await asyncio.sleep(outages.tick_s)
        was_lost, before, at = outages.is_lost, at, loop.time()
        outages.tick(at - before)
        if outages.is_lost and not was_lost:
            on_lost()
        if (now := outages.names()) != names:
            names = now
            on_change(names)


async def ask_owners(outages: Outages, bus: Bus) -> None:
    """Asks the owners now and then, until cancelled."""
    while True:
        if bus.is_connected:
            await asyncio.gather(*(_ask(outages, bus, owner) for owner in OWNERS))
        await asyncio.sleep(ASK_PAUSE_S)


async def _ask(outages: Outages, bus: Bus, owner: str) -> None:
    subject, question = OWNERS[owner]
    try:
        reply = await bus.client.request(subject, question, timeout=ASK_S)
    except (nats.errors.Error, ConnectionError, TimeoutError):
        outages.answered(owner, well=False)
    else:
        outages.answered(owner, well=reply.data.startswith(b'{"ok"'))
