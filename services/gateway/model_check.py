"""Does the configured model answer? Any user may ask, so it is asked seldom: a call may cost money."""

import asyncio
from typing import Any

from services.gateway.agents import Agents
from services.gateway.limits import Buckets
from services.gateway.retry import RetryLater
from shared.bus.query import QueryClient

GOOD_S = 30.0
DEADLINE_S = 40.0


class ModelCheck:
    """The last result, good for `GOOD_S` seconds, and one test at a time for all who ask.

    `per_minute` is how often one user may ask; 0 lifts it.
    """

    def __init__(self, queries: QueryClient, agents: Agents, per_minute: int) -> None:
        self._agents = agents
        self._queries = queries
        self._limits = Buckets(per_minute) if per_minute else None
        self._testing: asyncio.Task[dict[str, Any]] | None = None
        self._result: dict[str, Any] | None = None
        self._good_until = 0.0

    async def result(self, user: str) -> dict[str, Any]:
        """`{ok, model, latency_ms, reason?, message?}`.

        Raises:
            RetryLater: the user has asked too often.
            Unavailable: no worker answers.
        """
        now_s = asyncio.get_running_loop().time()
        wait_s = self._limits.take(user, now_s) if self._limits else None
        if wait_s is not None:
            raise RetryLater(wait_s)
        if self._result is not None and now_s < self._good_until:
            return self._result
        if self._testing is None:
            self._testing = asyncio.create_task(self._test())
            self._testing.add_done_callback(self._tested)
        return await asyncio.shield(self._testing)

    async def _test(self) -> dict[str, Any]:
        await self._agents.ask()  # if there is no worker, nobody waits for one
        found: dict[str, Any] = await self._queries.ask("llm", "test", {}, DEADLINE_S)
        self._result, self._good_until = found, asyncio.get_running_loop().time() + GOOD_S
        return found

    def _tested(self, task: asyncio.Task[dict[str, Any]]) -> None:
        self._testing = None
        if not task.cancelled():
            task.exception()  # whoever waited has it
