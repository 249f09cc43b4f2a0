"""Which agents there are, by the workers' word.

Asked in the background: whoever names an agent in a command is answered at once, since commands of one connection must
not wait for a question that others did not ask. If no worker has answered lately, any name is accepted: what is owed is
in the log, and a worker that does not know the name says so there.
"""

import asyncio
from typing import Any

from shared import errors
from shared.bus.query import QueryClient
from shared.logging import get_logger
from shared.session import Command
from shared.session.arranging import ConfigureChat, ConfigureSession, SwitchAgent
from shared.session.commands import SendMessage
from shared.session.replying import RequestReply

log = get_logger("agents")

VALID_S = 30.0
PAUSE_S = 10.0
DEADLINE_S = 0.95  # below the first pause between tries: if there is no worker, nobody waits


class Agents:
    """The workers' last answer, good for `VALID_S` seconds."""

    def __init__(self, queries: QueryClient) -> None:
        self._queries = queries
        self._answer: dict[str, Any] = {}
        self._names: frozenset[str] = frozenset()
        self._good_until = 0.0

    async def run(self) -> None:
        """Asks now and then, until cancelled."""
        while True:
            try:
                await self._ask()
            except errors.AntiphonError as error:
                log.debug("agents_not_known", error=str(error))
            await asyncio.sleep(PAUSE_S)

    async def known(self) -> dict[str, Any]:
        """`{agents: [{name, ...}], defaults, default}`, at most `VALID_S` seconds old.

        Raises:
            Unavailable: no worker answers.
        """
        if not self._is_good():
            await self._ask()
        return self._answer

    def check(self, command: Command) -> None:
        """Returns if the command names no agent, or one that there is.

        Raises:
            RuleBroken: the workers do not know it.
        """
        name = named_in(command)
        if name and self._is_good() and name not in self._names:
            raise errors.RuleBroken(f"there is no agent {name}")

    def _is_good(self) -> bool:
        return asyncio.get_running_loop().time() < self._good_until

    async def _ask(self) -> None:
        answer = await self._queries.ask("llm", "agents", {}, DEADLINE_S)
        self._names = frozenset(agent["name"] for agent in answer["agents"])
        self._answer, self._good_until = answer, asyncio.get_running_loop().time() + VALID_S


def named_in(command: Command) -> str | None:
    """The agent that a command names, if it names one."""
    match command:
        case SwitchAgent(agent=name) | RequestReply(agent=str() as name) | SendMessage(reply=str() as name):
            return name
        case ConfigureChat(ai_context=settings) | ConfigureSession(ai_context=settings):
            return settings.agent
        case _:
            return None
