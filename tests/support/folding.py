"""A log in the database and its fold, without a process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import log
from services.history.entry import Entry
from services.projector import live, store, tables
from services.projector.progress import Progress
from services.projector.projection import Projection
from services.projector.queries import QUERIES, Queries
from shared import db, subjects
from shared.events import Envelope, ReplyCompleted, Usage, encode
from shared.settings import DatabaseSettings
from tests.support.conversation import envelope

BEGAN_NS = 1_700_000_000_000_000_000  # the stream's time of position 0; each next one is a nanosecond later


async def append(engine: AsyncEngine, envelopes: list[Envelope]) -> None:
    """The events stand at the end of the log."""
    head = await log.head(engine)
    entries = [
        Entry(head.seq + n, BEGAN_NS + head.seq + n, subjects.event(one.subject), encode(one))
        for n, one in enumerate(envelopes, start=1)
    ]
    await log.append(engine, head.epoch, entries)


async def fold_all(pool: AsyncEngine, page: int = 500) -> None:
    """The live read models are at the head of the log."""
    projection = Projection(store.in_schema(pool, await live.ensure(pool)))
    while (await projection.fold(page)).events:
        pass


async def everything(pool: AsyncEngine) -> dict[str, list[Any]]:
    """The rows of every live table."""
    engine = store.in_schema(pool, await live.ensure(pool))
    async with engine.connect() as connection:
        return {
            name: sorted((await connection.execute(select(table))).all(), key=repr)
            for name, table in tables.READ_MODELS.items()
        }


class Asking:
    """The projector's answers, without a bus; and the log that they come from."""

    def __init__(self, pool: AsyncEngine) -> None:
        self.pool = pool
        self._queries = Queries(pool, Progress(pool, 0.2))

    async def ask(self, name: str, **question: Any) -> dict[str, Any]:
        return await self._queries.ask(name, QUERIES[name][0].model_validate(question))

    async def told(self, *events: Envelope) -> None:
        """The events are in the log, and in the tables."""
        await append(self.pool, list(events))
        await fold_all(self.pool)


@asynccontextmanager
async def asking(database_url: str, **settings: Any) -> AsyncIterator[Asking]:
    """The live read models, if need be made new, and who answers from them."""
    async with db.engine(DatabaseSettings(database_url=database_url)) as usual:
        await live.ensure(usual)
    async with db.engine(DatabaseSettings(database_url=database_url, **settings)) as pool:
        yield Asking(pool)


def answer(session: str, reply_id: str, content: str, parent: str | None = None, **more: Any) -> Envelope:
    """The end of a reply in chat c1."""
    usage = Usage(input_tokens=10, output_tokens=5, cached_tokens=2, cost_usd=0.001)
    facts = {"chat_id": "c1", "attempt": 1, "model": "m1", "finish_reason": "stop", "usage": usage, **more}
    event = ReplyCompleted(reply_id=reply_id, content=content, parent=parent, **facts)
    return envelope(session, event, actor="svc/llm")


def said(page: dict[str, Any]) -> list[str]:
    """The contents of the messages of a page."""
    return [message["content"] for message in page["messages"]]
