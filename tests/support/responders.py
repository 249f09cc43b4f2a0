"""Owners of queries that a test plays itself: over the same bus, in the same shape as the real ones."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from nats.aio.msg import Msg

from shared import errors, subjects
from shared.bus import connection

Answer = Callable[[dict[str, Any]], dict[str, Any]]
AGENTS = {
    "agents": [{"name": "coordinator", "hands_over_to": ["planner"]}, {"name": "planner", "hands_over_to": []}],
    "defaults": {"planning": "planner"},
    "default": "coordinator",
}


@dataclass(slots=True)
class Responder:
    """What was asked, by name, in order."""

    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def count(self, name: str) -> int:
        return sum(1 for asked, _ in self.asked if asked == name)


@asynccontextmanager
async def answering(nats_url: str, owner: str, **answers: Answer) -> AsyncIterator[Responder]:
    """Inside, `query.<owner>.<name>` is answered by the function of that name, or refused as it raises."""
    found = Responder()

    async def reply(message: Msg) -> None:
        name, question = message.subject.rsplit(".", 1)[1], orjson.loads(message.data)
        found.asked.append((name, question))
        try:
            body: dict[str, Any] = {"ok": answers[name](question)}
        except errors.AntiphonError as error:
            body = {"error": {"code": error.code, "message": error.detail}}
        await message.respond(orjson.dumps(body))

    async with connection.connect(nats_url, f"test-{owner}") as bus:
        for name in answers:
            await bus.client.subscribe(subjects.query(owner, name), cb=reply)
        await bus.client.flush()
        yield found
