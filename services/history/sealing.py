"""Checkpoints in the database: the active instance signs the head now and then."""

import asyncio
import time
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.history import checkpoint
from services.history import log as event_log
from services.history.chain import Anchor
from services.history.checkpoint import Checkpoint
from shared import db
from shared.logging import get_logger

log = get_logger("sealing")

_POLL_S = 1.0

_STORE: Final = text("""
INSERT INTO log.checkpoints (seq, epoch, hash, time_ns, public_key, signature)
VALUES (:seq, :epoch, :hash, :time_ns, :public_key, :signature) ON CONFLICT DO NOTHING
""")
_COLUMNS: Final = "SELECT epoch, seq, hash, time_ns, public_key, signature FROM log.checkpoints"
_ALL: Final = text(f"{_COLUMNS} ORDER BY seq")
_NEWEST: Final = text(f"{_COLUMNS} ORDER BY seq DESC, time_ns DESC LIMIT 1")
_REACHING: Final = text(f"{_COLUMNS} WHERE seq >= :seq ORDER BY seq LIMIT 1")


async def stored(connection: AsyncConnection) -> list[Checkpoint]:
    """Every checkpoint of the database, unchecked, by position."""
    return [_checkpoint(row) for row in await connection.execute(_ALL)]


async def newest(connection: AsyncConnection) -> Checkpoint | None:
    """The one that pins the most."""
    row = (await connection.execute(_NEWEST)).first()
    return None if row is None else _checkpoint(row)


async def reaching(connection: AsyncConnection, seq: int) -> Checkpoint | None:
    """The first one at or after `seq`."""
    row = (await connection.execute(_REACHING, {"seq": seq})).first()
    return None if row is None else _checkpoint(row)


async def seal(engine: AsyncEngine, key: Ed25519PrivateKey) -> Checkpoint | None:
    """The head as it is now, signed and stored; None for an empty log."""
    head = await event_log.head(engine)
    if not head.seq:
        return None
    made = checkpoint.sign(key, head.epoch, Anchor(head.seq, head.hash), time.time_ns())
    values = {field: getattr(made, field) for field in ("seq", "epoch", "hash", "time_ns", "public_key", "signature")}
    async with db.transaction(engine) as connection:
        await connection.execute(_STORE, values)
    return made


class Sealer:
    """Signs after so many events, and after so many seconds if there was any event."""

    def __init__(self, engine: AsyncEngine, key: Ed25519PrivateKey | None, events: int, pause_s: float) -> None:
        self._engine = engine
        self._key = key
        self._events = events
        self._pause_s = pause_s

    async def run(self) -> None:
        """Goes on for ever; without a key it only says so once."""
        if self._key is None:
            log.warning("checkpoints_not_signed", cause="no signing key is set")
            await asyncio.Event().wait()
            return
        async with self._engine.connect() as connection:
            last = await newest(connection)
        sealed, since = last.seq if last else 0, time.monotonic()
        while True:
            waiting = (await event_log.head(self._engine)).seq - sealed
            if waiting >= self._events or (waiting > 0 and time.monotonic() - since >= self._pause_s):
                made = await seal(self._engine, self._key)
                sealed, since = made.seq if made else 0, time.monotonic()
                log.info("checkpoint_signed", seq=sealed)
            await asyncio.sleep(_POLL_S)


def _checkpoint(row: Row[Any]) -> Checkpoint:
    return Checkpoint(row.epoch, row.seq, row.hash, row.time_ns, row.public_key, row.signature)
