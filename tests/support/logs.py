"""Looking at the log as an auditor does, and at the services that write it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import chain, log
from services.history.chain import Anchor, Link
from services.history.entry import Entry
from shared import db, subjects
from shared.bus.connection import Bus, connect
from shared.events import ContentErased, Envelope, Remains, encode
from shared.events.remains import remains
from shared.settings import DatabaseSettings
from tests.support.conversation import created, envelope, posted
from tests.support.eventually import eventually
from tests.support.services import RealService

LINKS = "SELECT seq, epoch, stream_time_ns, subject, body, body_digest, hash FROM log.events ORDER BY seq"


def environment(nats_url: str, database_url: str) -> dict[str, str]:
    return {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_DATABASE_URL": database_url}


@asynccontextmanager
async def surroundings(nats_url: str, database_url: str) -> AsyncIterator[tuple[Bus, AsyncEngine]]:
    async with connect(nats_url, "test") as bus, db.engine(DatabaseSettings(database_url=database_url)) as engine:
        yield bus, engine


async def verified(engine: AsyncEngine) -> Anchor:
    """The chain recomputed over the whole log."""
    async with engine.connect() as connection:
        rows = (await connection.execute(text(LINKS))).all()
    return chain.verify(Link(*row) for row in rows)


async def reaches(engine: AsyncEngine, seq: int, timeout_s: float = 15.0) -> None:
    """The log is verified up to `seq` and ends there."""

    async def check() -> bool:
        async with engine.connect() as connection:
            return int((await connection.execute(text("SELECT seq FROM log.head"))).scalar_one()) == seq

    await eventually(check, timeout_s)
    assert (await verified(engine)).seq == seq


async def readiness(of: RealService) -> dict[str, Any]:
    """What `/health/ready` says; nothing while nobody listens."""
    try:
        async with httpx.AsyncClient() as client:
            found: dict[str, Any] = (await client.get(f"{of.address}/health/ready")).json()
            return found
    except httpx.ConnectError:
        return {"status": "away", "checks": {}}


async def log_head(engine: AsyncEngine) -> int:
    return (await log.head(engine)).seq


async def grows(engine: AsyncEngine, by: int, timeout_s: float) -> float:
    """Seconds until the log has grown."""
    loop = asyncio.get_running_loop()
    began, before = loop.time(), await log_head(engine)

    async def grown() -> bool:
        return await log_head(engine) >= before + by

    await eventually(grown, timeout_s)
    return loop.time() - began


async def is_red(of: RealService, check: str, words: str) -> None:
    async def said() -> bool:
        found = (await readiness(of))["checks"].get(check, {})
        return found.get("status") == "failed" and words in found.get("error", "")

    await eventually(said)


async def has_role(of: RealService, role: str) -> None:
    async def said() -> bool:
        return (await readiness(of))["checks"].get("leader", {}).get("role") == role

    await eventually(said)


async def is_green(of: RealService) -> None:
    async def said() -> bool:
        return (await readiness(of))["status"] == "ok"

    await eventually(said, 20)


async def filled(engine: AsyncEngine, events: int, sessions: int = 3) -> None:
    """So many events more in the log, in sessions s0, s1, ... by turns; each begins with its creation."""
    head = await log.head(engine)
    made = [created(f"s{n}") if n < sessions else posted(f"s{n % sessions}", f"message {n}") for n in range(events)]
    await log.append(
        engine,
        head.epoch,
        [
            Entry(seq, 1_700_000_000_000_000_000 + seq, subjects.event(it.subject), encode(it))
            for seq, it in enumerate(made, start=head.seq + 1)
        ],
    )


async def erasure(engine: AsyncEngine, *seqs: int) -> Envelope:
    """The event that erases the ones at these positions of one session."""
    async with engine.connect() as connection:
        named = text("SELECT seq, stream_time_ns, session_id, body, body_digest FROM log.events WHERE seq = ANY(:seqs)")
        rows = (await connection.execute(named, {"seqs": list(seqs)})).all()
    left = [
        Remains(seq=it.seq, time_ns=it.stream_time_ns, digest=it.body_digest.hex(), body=remains(orjson.loads(it.body)))
        for it in rows
    ]
    event = ContentErased(seqs=list(seqs), reason="asked for", remains=left)
    return envelope(rows[0].session_id, event, actor="dpo")


async def erased(engine: AsyncEngine, *seqs: int) -> None:
    """They were erased by the next event of the log."""
    head, event = await log.head(engine), await erasure(engine, *seqs)
    time_ns = 1_700_000_000_000_000_000 + head.seq + 1
    await log.append(engine, head.epoch, [Entry(head.seq + 1, time_ns, subjects.event(event.subject), encode(event))])
