"""The chunks of one session's replies: taken from the live copies, completed from DELTAS, handed on where they are new.

Chunks are no facts. What can't be completed is dropped: the durable end of a reply holds its whole text.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson

from services.gateway import measures
from services.gateway.replies import Chunk, Replies
from services.gateway.source import Source
from shared import errors
from shared.logging import get_logger
from shared.session import SessionState

log = get_logger("running")

READ_PAUSE_S = 0.2  # chunks that are missing and can't be had are asked for at most this often


class Running:
    """Texts on their way in one session. `hand_on` gets the body of each chunk that continues a text."""

    def __init__(self, source: Source, session_id: str, hand_on: Callable[[bytes], None]) -> None:
        self._source = source
        self._session_id = session_id
        self._hand_on = hand_on
        self._replies = Replies()
        self._reading: asyncio.Task[None] | None = None
        self._latest: SessionState | None = None

    def take(self, state: SessionState, body: bytes) -> None:
        """One chunk as it came. One that starts beyond the known text has the part before it read first."""
        self._latest = state
        outcome = self._take(state, body)
        if outcome == "beyond" and (self._reading is None or self._reading.done()):
            self._reading = asyncio.create_task(self._complete())

    def settle(self, state: SessionState) -> None:
        """Lets go of texts that have ended."""
        self._latest = state
        self._replies.settle(state)

    def texts(self, state: SessionState) -> list[dict[str, Any]]:
        """Every open reply with its text so far."""
        return self._replies.running(state)

    async def read(self, state: SessionState) -> None:
        """Afterwards the texts are what DELTAS knows of them; nothing is raised if it knows nothing."""
        self._latest = state
        try:
            chunks = await self._source.deltas(self._session_id)
        except errors.AntiphonError as error:
            log.info("deltas_not_read", session_id=self._session_id, error=str(error))
            return
        for body in chunks:
            self._take(self._latest, body)  # the state may have moved on while this was read

    def stop(self) -> None:
        """Nothing is read any more."""
        if self._reading is not None:
            self._reading.cancel()

    def _take(self, state: SessionState, body: bytes) -> str:
        try:
            chunk = Chunk.read(orjson.loads(body))
        except orjson.JSONDecodeError:
            chunk = None
        if chunk is None:
            return self._count("malformed")
        outcome = self._replies.take(state, chunk)
        if isinstance(outcome, str):
            return self._count(outcome)
        whole = outcome is chunk and b"\n" not in body and b'"reply.delta"' in body
        self._hand_on(body if whole else orjson.dumps(outcome.message()))
        return self._count("delivered")

    def _count(self, outcome: str) -> str:
        measures.CHUNKS.labels(outcome).inc()
        return outcome

    async def _complete(self) -> None:
        if self._latest is not None:
            await self.read(self._latest)
        await asyncio.sleep(READ_PAUSE_S)
