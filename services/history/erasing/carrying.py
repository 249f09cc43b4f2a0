"""What was erased from the log goes from the stream, too: by the active instance, however often it dies on the way."""

import asyncio
from contextlib import suppress

import nats.errors
from nats.js.errors import APIError, NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import metrics, stream
from services.history.erasing import statements
from shared import db, subjects
from shared.bus.connection import Bus
from shared.logging import get_logger

log = get_logger("carrying")

LOOK_S = 5.0
_NOT_THERE = {10043, 10057}  # JetStream API: no message at this sequence, or it was deleted already


class Carrier:
    """Deletes from the stream what the log says is erased, then notes that it did."""

    def __init__(self, bus: Bus, engine: AsyncEngine) -> None:
        self._bus = bus
        self._engine = engine
        self._appended = asyncio.Event()

    def wake(self) -> None:
        """An erasure was appended."""
        self._appended.set()

    async def run(self) -> None:
        """Goes on for ever, whatever the bus says.

        Raises:
            StandStill: stream and log do not belong together; nothing was deleted.
            Exception: the database is away; run it again.
        """
        while True:
            self._appended.clear()
            async with self._engine.connect() as connection:
                pending = (await connection.execute(statements.PENDING)).all()
            for row in pending:
                try:
                    await self._carry_out(row.seq, row.session_id)
                except (APIError, nats.errors.Error) as error:  # appending goes on; this is tried again
                    log.warning("erasure_not_carried_out", erasure_seq=row.seq, error=repr(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._appended.wait(), LOOK_S)

    async def _carry_out(self, erasure: int, session_id: str) -> None:
        """The stream holds none of it any more. The session's last event there is at least the erasure itself."""
        async with self._engine.connect() as connection:
            seqs = (await connection.execute(statements.NAMED, {"seq": erasure})).scalars().all()
        await stream.looked_at(self._bus, self._engine)
        for seq in seqs:
            await self._delete(seq)
        for name, subject in (
            (subjects.DELTAS, subjects.delta(session_id)),
            (subjects.PARKED, subjects.parked("*", session_id)),
        ):
            with suppress(NotFoundError):  # a stream that nobody has needed yet
                await self._bus.js.purge_stream(name, subject=subject)
        async with db.transaction(self._engine) as connection:
            await connection.execute(statements.DONE, {"seq": erasure})
        metrics.ERASED.inc(len(seqs))
        log.info("erasure_carried_out", erasure_seq=erasure, session_id=session_id, events=len(seqs))

    async def _delete(self, seq: int) -> None:
        try:
            await self._bus.js.delete_msg(subjects.EVENTS, seq)
        except APIError as error:
            if error.err_code not in _NOT_THERE and not isinstance(error, NotFoundError):
                raise
