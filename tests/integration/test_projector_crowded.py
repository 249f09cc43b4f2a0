"""Many who ask at once, while the log is folded: nobody fails, and each answer is of one moment."""

import asyncio
from collections.abc import AsyncIterator
from itertools import cycle
from typing import Any

from services.projector import live
from shared import ids
from shared.bus.query import QueryClient
from shared.tasks import background
from tests.support.conversation import answered, created, posted
from tests.support.eventually import eventually
from tests.support.folding import Asking, append, asking, fold_all
from tests.support.locks import locked, waiting
from tests.support.logs import environment, has_role, readiness, surroundings
from tests.support.services import running

SESSIONS = [f"s{n}" for n in range(4)]
ASKERS = 12


async def questions(projector: Asking, session_id: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """One answer after the other, of every kind that a gateway or a worker asks for all the time."""
    chat = {"session_id": session_id, "chat_id": "c1"}
    for name, question in cycle(
        [
            ("snapshot", {"session_id": session_id}),
            ("sessions", {"user": "ada", "query": "words", "with_chats": True}),
            ("chat_history", chat),
            ("context", chat),
            ("stats", {"session_id": session_id}),
            ("usage", {"by": "model"}),
            ("open_replies", {}),
        ]
    ):
        yield name, await projector.ask(name, **question)


async def watch(projector: Asking, session_id: str, done: asyncio.Event) -> int:
    """Asks until the fold is done; how often. An answer never goes back, and counts what it shows."""
    asked, at = 0, 0
    async for name, answer in questions(projector, session_id):
        asked += 1
        assert answer["at"] >= at
        at = answer["at"]
        if name == "snapshot" and not answer["more"]:
            assert answer["chats"][0]["message_count"] == len(answer["messages"])
        if name == "stats":
            total = answer["messages"]
            assert total["total"] == sum(total["by_role"].values())
        if done.is_set():
            break
    return asked


async def test_all_are_answered_while_it_is_folded(database_url: str) -> None:
    async with asking(database_url, pool_size=5, pool_overflow=2) as projector:
        await projector.told(*(created(session) for session in SESSIONS))
        story = []
        for turn in range(120):
            session, reply = SESSIONS[turn % len(SESSIONS)], ids.uuid7()
            story += [posted(session, f"words {turn}", reply_id=reply), *answered(session, reply, "because")]
        await append(projector.pool, story)
        done = asyncio.Event()
        watching = [asyncio.create_task(watch(projector, SESSIONS[n % len(SESSIONS)], done)) for n in range(ASKERS)]
        await fold_all(projector.pool, page=10)
        done.set()
        assert all(count > 0 for count in await asyncio.gather(*watching))
        usage = await projector.ask("usage", by="model")
        assert usage["total"]["replies"] == 120


async def test_queries_that_are_slow_hold_up_neither_the_fold_nor_readiness(nats_url: str, database_url: str) -> None:
    few = {"ANTIPHON_POOL_SIZE": "2", "ANTIPHON_POOL_OVERFLOW": "0", "ANTIPHON_STATEMENT_TIMEOUT_S": "60"}
    async with (
        running("projector", environment(nats_url, database_url) | few) as projector,
        surroundings(nats_url, database_url) as (bus, pool),
    ):
        await has_role(projector, "active")
        schema = await live.ensure(pool)

        async def ask() -> None:
            await QueryClient(bus).ask("projector", "objects", {"session_id": "s1"}, 60)

        async def folded() -> bool:
            return bool((await readiness(projector))["checks"]["lag"].get("applied_seq") == 1)

        async with locked(database_url, f"{schema}.objects"), background(*(ask() for _ in range(10))):
            await eventually(lambda: waiting(pool, 2))
            await append(pool, [created("s1")])
            await eventually(folded)
