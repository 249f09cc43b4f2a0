"""One instance works, the others stand by; and whatever happens to the database, nobody gives up."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from shared import db, errors
from shared.logging import get_logger
from shared.tasks import cancel

log = get_logger("leader")

RETRY_PAUSES_S = (1.0, 2.0, 4.0)  # then 4 s for ever


class StandStill(errors.AntiphonError):
    """This service can't go on by itself"""


@dataclass(slots=True)
class Standing:
    """What this instance is at the moment, for readiness."""

    role: Literal["starting", "standby", "active"] = "starting"
    problem: str = ""
    failures: int = 0
    is_final: bool = False

    def works(self) -> None:
        """Progress was made: whatever was wrong is over."""
        self.problem, self.failures, self.is_final = "", 0, False

    def stands_by(self) -> None:
        """Another instance is active: what was wrong here is its matter now."""
        self.works()
        self.role = "standby"

    def failed(self, error: Exception) -> float:
        """Notes the cause; the pause before the next try, in seconds."""
        self.failures += 1
        self.is_final = isinstance(error, StandStill)
        self.problem = str(error) if isinstance(error, errors.AntiphonError) else repr(error)
        return RETRY_PAUSES_S[min(self.failures, len(RETRY_PAUSES_S)) - 1]

    async def check(self) -> dict[str, Any]:
        """The role; raises when the retries are used up, or when none can help."""
        if self.role == "starting" and not self.failures:
            raise errors.Unavailable("starting")
        if self.problem and (self.is_final or self.failures > len(RETRY_PAUSES_S)):
            raise errors.Unavailable(self.problem)
        return {"role": self.role}


async def lead(
    database_url: str, key: int, name: str, standing: Standing, work: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Runs `work` for ever while this instance is the active one; begins anew after whatever made it fail.

    `work` calls `standing.works()` when it makes progress. It starts from nothing each time: what it knew may be old.
    """
    while True:
        try:
            async with db.session_lock(database_url, key, name) as lock:
                if not await lock.take():
                    standing.stands_by()
                    await lock.wait()
                standing.role = "active"
                log.info("became_active", name=name)
                await first_of(work(), lock.keep())
        except Exception as error:  # noqa: BLE001 - the database, the bus or the data: readiness shows which
            pause_s = standing.failed(error)
            standing.role = "starting"
            log.warning("leader_failed", cause=standing.problem, failures=standing.failures, retry_in_s=pause_s)
            await asyncio.sleep(pause_s)


async def first_of(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Runs all until the first one ends or fails; then the others are cancelled, and its failure is raised."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(*tasks)
        await asyncio.gather(*tasks, return_exceptions=True)  # how the others end is no news
    for task in done:
        task.result()
