"""The rows: the same whenever and however often the log is folded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import log
from services.history.entry import Entry
from services.projector import store, tables
from services.projector.projection import LogBehind, Projection
from services.projector.quick import Quick
from shared import db, ids, subjects
from shared.bus.connection import connect
from shared.bus.streams import wait_for_events
from shared.events import (
    ChatCreated,
    Envelope,
    encode,
)
from shared.settings import DatabaseSettings
from tests.support.conversation import answered, created, envelope, posted, put
from tests.support.eventually import eventually
from tests.support.services import running


@asynccontextmanager
async def read_models(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Empty read models, and no process."""
    async with db.engine(DatabaseSettings(database_url=database_url)) as pool:
        engine = store.in_schema(pool)
        await store.create(engine)
        yield engine


async def append(engine: AsyncEngine, envelopes: list[Envelope]) -> None:
    head = await log.head(engine)
    entries = [
        Entry(head.seq + n, 1_700_000_000_000_000_000 + n, subjects.event(one.subject), encode(one))
        for n, one in enumerate(envelopes, start=1)
    ]
    await log.append(engine, head.epoch, entries)


async def fold_all(engine: AsyncEngine, page: int = 500) -> None:
    projection = Projection(engine)
    while (await projection.fold(page)).events:
        pass


async def everything(engine: AsyncEngine) -> dict[str, list[Any]]:
    async with engine.connect() as connection:
        return {
            name: sorted((await connection.execute(select(table))).all(), key=repr)
            for name, table in tables.READ_MODELS.items()
        }


async def test_a_rebuild_gives_the_same_rows(database_url: str) -> None:
    async with read_models(database_url) as engine:
        envelopes: list[Envelope] = []
        for n in range(30):
            session, reply = f"s{n}", ids.uuid7()
            again = posted(session, "again")
            envelopes += [created(session), posted(session, "why?\x00", reply_id=reply)]
            envelopes += [*answered(session, reply, "because"), again, again]
            envelopes += [envelope(session, ChatCreated(chat_id="c2", name="Second")), posted(session, "x", "c2")]
        await append(engine, envelopes)
        await fold_all(engine, page=7)
        before = await everything(engine)
        assert len(before["messages"]) == 30 * 4
        await store.clear(engine)
        assert not (await everything(engine))["messages"]
        await fold_all(engine)
        assert await everything(engine) == before


async def test_poison_parks_its_session_and_no_other(database_url: str) -> None:
    async with read_models(database_url) as engine:
        too_long = posted("s2", "x").model_copy(update={"actor": "nul\x00"})
        bad_row = created("s4").model_copy(update={"subject": "s4"})
        bad_row.data["chat_id"] = "nul\x00"
        await append(engine, [created("s1"), created("s2"), posted("s2", "lost", "nowhere"), too_long, bad_row])
        await append(engine, [posted("s1", "kept"), posted("s2", "after"), created("s3"), posted("s3", "kept")])
        await fold_all(engine)
        rows = await everything(engine)
        assert sorted(row.session_id for row in rows["messages"]) == ["s1", "s3"]
        async with engine.connect() as connection:
            parked = (await connection.execute(select(tables.parked).order_by(tables.parked.c.seq))).all()
            assert [(row.session_id, row.seq) for row in parked] == [("s2", 3), ("s4", 5)]
            assert (await store.checkpoint(connection)).seq == 9


async def test_a_log_that_ends_before_the_checkpoint_is_refused(database_url: str) -> None:
    async with read_models(database_url) as engine:
        await append(engine, [created("s1")])
        await fold_all(engine)
        async with db.transaction(engine) as connection:
            await store.checkpoint(connection, lock=True)
            await store.move_checkpoint(await Quick.of(connection), store.Checkpoint("another", 7))
        with pytest.raises(LogBehind):
            await fold_all(engine)


async def test_a_killed_projector_leaves_rows_that_another_one_continues(nats_url: str, database_url: str) -> None:
    environment = {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_DATABASE_URL": database_url}
    async with (
        running("history", environment),
        running("projector", environment, "projector-1") as leader,
        running("projector", environment, "projector-2"),
        connect(nats_url, "test") as bus,
        read_models(database_url) as engine,
    ):
        await wait_for_events(bus.js)
        await put(bus, created("s1"))
        first = [asyncio.create_task(put(bus, posted("s1", f"message {n}"))) for n in range(1500)]
        await first[700]
        leader.kill()
        stored = await asyncio.gather(*first)
        last = max(one.seq for one in stored)

        async def caught_up() -> bool:
            async with engine.connect() as connection:
                return (await store.checkpoint(connection)).seq == last

        await eventually(caught_up, 15)
        rows = await everything(engine)
        assert len(rows["messages"]) == 1500
        assert rows["sessions"][0].message_count == 1500
        await store.clear(engine)
        await eventually(caught_up, 15)
        assert await everything(engine) == rows
