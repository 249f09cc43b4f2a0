"""What a superuser of the database can do to the log, with its triggers out of the way."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import orjson

from services.history import chain
from services.history.chain import GENESIS

Tamper = Callable[["asyncpg.connection.Connection[asyncpg.Record]"], Awaitable[Any]]


async def tampered(url: str, how: str | Tamper) -> None:
    """The statements, or the function, were run with every trigger of the log switched off and on again."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            for table in ("events", "head", "checkpoints"):
                await connection.execute(f"ALTER TABLE log.{table} DISABLE TRIGGER USER")
            await (connection.execute(how) if isinstance(how, str) else how(connection))
            for table in ("events", "head", "checkpoints"):
                await connection.execute(f"ALTER TABLE log.{table} ENABLE TRIGGER USER")
    finally:
        await connection.close()


async def rewritten(connection: "asyncpg.connection.Connection[asyncpg.Record]") -> None:
    """Position 5 has another text, and everything from there on, head included, was recomputed to fit."""
    last = GENESIS
    for row in await connection.fetch("SELECT * FROM log.events ORDER BY seq"):
        body = row["body"]
        if row["seq"] == 5:
            event = orjson.loads(body)
            event["data"]["content"] = "never said"
            body = orjson.dumps(event)
        digest = chain.digest(body)
        last = chain.link(last, row["epoch"], row["seq"], row["stream_time_ns"], row["subject"], digest)
        await connection.execute(
            "UPDATE log.events SET body = $2, body_digest = $3, hash = $4 WHERE seq = $1",
            row["seq"],
            body,
            digest,
            last,
        )
    await connection.execute("UPDATE log.head SET hash = $1", last)


async def inserted(connection: "asyncpg.connection.Connection[asyncpg.Record]") -> None:
    """A copy of row 3 is at position 5, and what was there and behind it is one further."""
    await connection.execute("UPDATE log.events SET seq = seq + 1001 WHERE seq >= 5")
    await connection.execute("UPDATE log.events SET seq = seq - 1000 WHERE seq > 1000")
    columns = await connection.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'events' AND column_name <> 'seq'"
    )
    names = ", ".join(row[0] for row in columns)
    await connection.execute(f"INSERT INTO log.events (seq, {names}) SELECT 5, {names} FROM log.events WHERE seq = 3")
    await connection.execute("UPDATE log.head SET seq = seq + 1")
