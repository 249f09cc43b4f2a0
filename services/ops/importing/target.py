"""Where imported events go: the bus, in the order of their session, each once, and back from the log for comparison."""

from collections.abc import AsyncIterator, Sequence

import nats.errors
import orjson
from nats.js.errors import NotFoundError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ops import errors, logbook
from services.ops.importing.events import Made, Said
from shared import errors as refusals
from shared import subjects
from shared.bus.appended import appended
from shared.bus.batch import MAX_BYTES, MAX_MESSAGES, Message, publish_together
from shared.bus.connection import Bus
from shared.bus.publish import publish
from shared.events import MessagePosted

SERVICE = "import"
SILENCE_S = 30.0  # history that does not move for so long is not there
ROWS_AT_ONCE = 1000
_KNOWN = "SELECT event_id, seq FROM log.events WHERE session_id = :session_id AND duplicate_of IS NULL ORDER BY seq"
_SAID = """
SELECT session_id, event_id, body FROM log.events
WHERE session_id = ANY(:sessions) AND type = :type AND duplicate_of IS NULL AND seq <= :until
ORDER BY session_id, seq
"""


async def caught_up(bus: Bus, engine: AsyncEngine) -> int:
    """The head of the log, once it holds everything that the stream held at the call.

    Raises:
        BadImport: the bus is away, or the log does not move.
    """
    try:
        wanted = (await bus.js.stream_info(subjects.EVENTS)).state.last_seq
    except NotFoundError:
        raise errors.BadImport(reason="the bus has no events yet: is Antiphon up?") from None
    except nats.errors.Error as error:
        raise errors.BadImport(reason=f"the bus does not answer ({error or 'in time'})") from None
    try:
        return await appended(bus, wanted, lambda: logbook.head(engine), SILENCE_S)
    except refusals.Unavailable as error:
        raise errors.BadImport(reason=f"{error}; is history up?") from None


async def known(engine: AsyncEngine, session_id: str) -> dict[str, int]:
    """The events that the session has, by their ids, the first one first: where each is."""
    async with engine.connect() as connection:
        found = await connection.execute(text(_KNOWN), {"session_id": session_id})
        return {row.event_id: row.seq for row in found}


class Lane:
    """Publishes the events of one session, in batches of their own."""

    def __init__(self, bus: Bus, session_id: str) -> None:
        self._bus = bus
        self._session_id = session_id
        self._waiting: list[Message] = []
        self._bytes = 0
        self.last_seq = 0  # of what this lane has sent

    async def add(self, made: Made) -> bool:
        """Takes one more; what has become a batch is sent. Whether it was."""
        full = self._bytes + len(made.body) > MAX_BYTES or len(self._waiting) >= MAX_MESSAGES
        if full:
            await self.flush()
        key = subjects.service_msg_id(SERVICE, f"{self._session_id}/{made.id}")
        self._waiting.append(Message(made.body, key, {}))
        self._bytes += len(made.body)
        return full

    async def flush(self) -> None:
        """Everything that was added is on the bus.

        Raises:
            BadImport: the bus does not take it. The same import may be started again.
        """
        batch, self._waiting, self._bytes = self._waiting, [], 0
        if not batch:
            return
        subject = subjects.event(self._session_id)
        if len(batch) > 1 and (first := await publish_together(self._bus.client, subject, batch)) is not None:
            self.last_seq = first + len(batch) - 1
            return
        try:
            for one in batch:
                sent = await publish(self._bus.js, subject, one.body, msg_id=one.msg_id, headers=one.headers)
                self.last_seq = sent.seq
        except (refusals.AntiphonError, nats.errors.Error) as error:
            raise errors.BadImport(reason=f"{error}; what is there stays, start the import again") from error


async def messages(
    engine: AsyncEngine, session_ids: Sequence[str], source: str, until: int
) -> AsyncIterator[tuple[str, str, Said | None]]:
    """The messages that the log has from `source`, session after session: session, id, and what was said.

    None where it was erased since; of those it is not known where they came from.
    """
    asked = {"sessions": list(session_ids), "type": MessagePosted.TYPE, "until": until}
    async with engine.connect() as connection:
        rows = await connection.stream(text(_SAID), asked, execution_options={"yield_per": ROWS_AT_ONCE})
        async for session_id, event_id, body in rows:
            if body is None:
                yield session_id, event_id, None
                continue
            event = orjson.loads(body)
            if event["source"] == f"import/{source}":
                data = event["data"]
                said = (event["id"], event["time"], data.get("role", "user"), event["actor"], data["content"])
                yield session_id, event_id, said
