"""Moments that many wait for: each is called once, none early, none is kept from its turn by another's fault."""

import asyncio
from collections.abc import Callable

from services.gateway.pulse import GRAIN_S, Pulse
from tests.support.eventually import eventually

DELAY_S = 0.02


class Waiter:
    def __init__(self, does: Callable[[], object] = lambda: None) -> None:
        self.called_at: list[float] = []
        self._does = does

    def due(self) -> None:
        self.called_at.append(asyncio.get_running_loop().time())
        self._does()


def fail() -> None:
    raise RuntimeError("a fault of this one alone")


async def test_everybody_is_called_once_and_nobody_early() -> None:
    pulse, waiters = Pulse(), [Waiter() for _ in range(20)]
    began_at = asyncio.get_running_loop().time()
    for waiter in waiters:
        pulse.after(DELAY_S, waiter)
    later = Waiter()
    pulse.after(DELAY_S + 3 * GRAIN_S, later)
    await eventually(lambda: bool(later.called_at))
    assert [len(waiter.called_at) for waiter in waiters] == [1] * 20
    assert min(waiter.called_at[0] for waiter in waiters) >= began_at + DELAY_S


async def test_who_is_forgotten_is_not_called_even_by_one_who_is_called_with_it() -> None:
    pulse, gone, last = Pulse(), Waiter(), Waiter()
    pulse.forget(pulse.after(DELAY_S, gone), gone)
    pair: list[Waiter] = []
    moments = [0, 0]
    for number in (0, 1):
        pair.append(Waiter(lambda other=1 - number: pulse.forget(moments[other], pair[other])))
        moments[number] = pulse.after(DELAY_S, pair[number])
    pulse.after(DELAY_S + 3 * GRAIN_S, last)
    await eventually(lambda: bool(last.called_at))
    assert gone.called_at == []
    assert sum(len(one.called_at) for one in pair) == 1


async def test_a_fault_of_one_reaches_no_other() -> None:
    pulse, waiters = Pulse(), [Waiter(fail), Waiter(), Waiter(fail), Waiter()]
    for waiter in waiters:
        pulse.after(DELAY_S, waiter)
    await eventually(lambda: all(waiter.called_at for waiter in waiters))
