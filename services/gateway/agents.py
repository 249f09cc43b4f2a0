"""Which agents there are, by the workers' word.

Asked in the background: a message that names an agent must not wait for an answer, or the next one would overtake it.
If no worker has answered lately, any name is accepted: what is owed is in the log, and a worker that does not know the
name says so there.
"""

import asyncio
from typing import Any

import nats.errors
import orjson

from shared import errors, subjects
from shared.bus.connection import Bus
from shared.logging import get_logger
from shared.session import Command
from shared.session.arranging import ConfigureChat, ConfigureSession, SwitchAgent
from shared.session.commands import SendMessage
from shared.session.replying import RequestReply

log = get_logger("agents")

VALID_S = 30.0
PAUSE_S = 10.0
UNKNOWN_PAUSE_S = 2.0
DEADLINE_S = 1.0


class Agents:
    """The workers' last answer, good for `VALID_S` seconds."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._answer: dict[str, Any] = {}
        self._names: frozenset[str] = frozenset()
        self._good_until = 0.0

    async def run(self) -> None:
        """Asks now and then, until cancelled."""
        while True:
            await self._try()
            await asyncio.sleep(PAUSE_S if self._is_good() else UNKNOWN_PAUSE_S)

    async def known(self) -> dict[str, Any]:
        """`{agents: [{name, ...}], defaults, default}`, at most `VALID_S` seconds old.

        Raises:
            Unavailable: no worker answers.
        """
        if not self._is_good():
            await self.ask()
        return self._answer

    async def look(self, command: Command) -> None:
        """Afterwards the agent that the command names can be checked, if there is a worker."""
        if named_in(command) and not self._is_good():
            await self._try()

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

    async def _try(self) -> None:
        try:
            await self.ask()
        except errors.AntiphonError as error:
            log.debug("agents_not_known", error=str(error))

    async def ask(self) -> None:
        """Afterwards what is known is new. Once, and behind no breaker: that there is no worker yet is nothing broken.

        Raises:
            Unavailable: no worker answers.
        """
        try:
            reply = await self._bus.client.request(subjects.query("llm", "agents"), b"{}", timeout=DEADLINE_S)
        except (nats.errors.Error, ConnectionError, TimeoutError) as error:
            raise errors.Unavailable("llm does not answer") from error
        try:
            answer = orjson.loads(reply.data)["ok"]
            names = frozenset(agent["name"] for agent in answer["agents"])
        except (LookupError, TypeError, ValueError) as error:
            raise errors.Unavailable("llm can't tell") from error
        self._names, self._answer = names, answer
        self._good_until = asyncio.get_running_loop().time() + VALID_S


def named_in(command: Command) -> str | None:
    """The agent that a command names, if it names one."""
    match command:
        case SendMessage():
            return command.reply if isinstance(command.reply, str) else None
        case SwitchAgent(agent=name) | RequestReply(agent=str() as name):
            return name
        case ConfigureChat(ai_context=settings) | ConfigureSession(ai_context=settings):
            return settings.agent
        case _:
            return None
