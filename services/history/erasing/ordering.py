"""An order to erase becomes `content.erased` events; appending them erases, and the active instance does the rest."""

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import log as event_log
from services.history.erasing import statements
from services.history.erasing.selecting import Batch, EraseOrder, Selection
from shared import errors, ids, subjects
from shared.bus.connection import Bus
from shared.bus.direct import DirectReader
from shared.bus.publish import Moved, publish
from shared.events import ContentErased, encode, wrap
from shared.logging import get_logger

log = get_logger("erasing")

SERVICE = "history"
LOG_S = 10.0  # how long the log may take to reach the session's head
DONE_S = 10.0  # how long the stream may take to forget
POLL_S = 0.02
RACES = 50  # so often may others write into the session first


class Orders:
    """Takes orders; any instance may. The same order again goes on where the first one stopped."""

    def __init__(self, bus: Bus, engine: AsyncEngine, instance: str) -> None:
        self._bus = bus
        self._engine = engine
        self._reader = DirectReader(bus.client)
        self._source = f"history/{instance}"

    async def erase(self, order: EraseOrder) -> dict[str, Any]:
        """`{erasures, events, message_ids, done}`: the positions of the new `content.erased` events, how many events
        they erased and which messages those were. The log holds none of it any more; `done`: the stream neither.

        Raises:
            NotFound, Conflict: it can't be carried out as it is.
            Unavailable: bus or log is behind; the same order again goes on.
        """
        selection = Selection(self._engine, order)
        await self._caught_up(order.session_id)
        await selection.check()
        made: list[int] = []
        events, message_ids = 0, list[str]()
        races = 0
        while True:
            head_seq = await self._caught_up(order.session_id)
            batch = await selection.next()
            if batch is None:
                break
            if not made and order.expected_seq not in (None, head_seq):
                raise errors.Conflict(f"the session has moved on, to {head_seq}")
            try:
                made.append(await self._publish(order, batch, head_seq))
            except Moved:  # somebody wrote meanwhile, or this is one's own: the log will tell
                races += 1
                if races > RACES:
                    raise errors.Unavailable("the session changes all the time") from None
                continue
            selection.took(batch)
            events += len(batch.remains)
            message_ids += batch.message_ids
        await self._caught_up(order.session_id)
        done = await self._forgotten(order.session_id)
        log.info("erased", session_id=order.session_id, events=events, erasures=made, by=order.by, done=done)
        return {"erasures": made, "events": events, "message_ids": message_ids, "done": done}

    async def _publish(self, order: EraseOrder, batch: Batch, head_seq: int) -> int:
        event = ContentErased(
            seqs=[one.seq for one in batch.remains],
            message_ids=batch.message_ids,
            reason=order.reason,
            remains=batch.remains,
        )
        envelope = wrap(
            event, event_id=ids.uuid7(), session_id=order.session_id, source=self._source, actor=order.by
        )  # fmt: skip
        msg_id = subjects.service_msg_id(SERVICE, f"erase/{envelope.id}")
        subject = subjects.event(order.session_id)
        done = await publish(self._bus.js, subject, encode(envelope), msg_id=msg_id, expected_seq=head_seq)
        return done.seq

    async def _caught_up(self, session_id: str) -> int:
        """The session's last position in the stream (0: none is left there), which the log has."""
        head = await self._reader.head(subjects.EVENTS, subjects.event(session_id))
        seq = head.seq if head else 0
        try:
            async with asyncio.timeout(LOG_S):
                while (await event_log.head(self._engine)).seq < seq:  # noqa: ASYNC110 - another process moves it
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise errors.Unavailable("the log is behind the stream") from None
        return seq

    async def _forgotten(self, session_id: str) -> bool:
        try:
            async with asyncio.timeout(DONE_S):
                while session_id in await self._pending():  # noqa: ASYNC110 - as above
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            return False
        return True

    async def _pending(self) -> set[str]:
        async with self._engine.connect() as connection:
            return {row.session_id for row in await connection.execute(statements.PENDING)}
