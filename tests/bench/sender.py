"""One user who sends without waiting, received on the other gateway: how many a second, by how many are on their way.

The baseline in the same run is the same user who waits for each.
"""

import statistics
from functools import partial

from tests.bench import room
from tests.bench.room import Figures
from tests.support.system import System

WINDOWS = (1, 10, 50, 250)
COUNT, RUNS = 1000, 3


async def measure(system: System) -> str:
    """One line: medians of the runs, the windows in turn."""
    found: dict[int, list[Figures]] = {window: [] for window in WINDOWS}
    async with room.served(system, receivers=1) as one:
        for _ in range(RUNS):
            for window, figures in found.items():
                figures.append(await room.run(one, partial(room.fast, count=COUNT, window=window)))
    per_s = {window: statistics.median(each.per_s for each in figures) for window, figures in found.items()}
    said = ", ".join(f"{window} on their way {rate:,.0f}/s ({rate / per_s[1]:.1f})" for window, rate in per_s.items())
    return f"one sender, received on the other gateway: {said} (medians of {RUNS} runs of {COUNT})"
