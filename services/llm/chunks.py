"""A reply's text on its way: coalesced, in order, on the memory stream DELTAS.

Chunks say where they stand (`position`, in code points), so a reader may get one twice. If the stream's server died,
the stream is made anew and the text is sent again from its beginning.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import nats.errors
import orjson

from services.llm.metrics import RESENT
from shared import errors, subjects
from shared.bus import streams
from shared.bus.connection import Bus
from shared.bus.direct import DirectReader
from shared.logging import get_logger
from shared.tasks import cancel

log = get_logger("chunks")

MAX_CHARS = 32_768  # of one chunk, when much is sent at once
ACK_S = 2.0
PAUSE_S = 0.1
FLUSH_S = 5.0  # how long the end of a reply waits for the last chunk at most: the end has the whole text anyway


class Deltas:
    """The stream, as one worker sees it. `incarnation` grows whenever it may have lost what was in it."""

    def __init__(self, bus: Bus, reader: DirectReader) -> None:
        self.bus = bus
        self._reader = reader
        self.incarnation = 0
        bus.on_reconnect.append(self._on_reconnect)

    async def _on_reconnect(self) -> None:
        self.incarnation += 1

    async def ensure(self) -> None:
        """Afterwards the stream exists."""
        await streams.ensure(self.bus.js, streams.DELTAS)

    async def text(self, session_id: str, reply_id: str, attempt: int) -> str:
        """What an attempt at a reply has said, as far as the stream still has it."""
        text, seq = "", 0
        with suppress(errors.Unavailable):
            while found := await self._reader.after(subjects.DELTAS, subjects.delta(session_id), seq):
                seq = found[-1].seq
                for chunk in (orjson.loads(one.body) for one in found):
                    if (chunk["reply_id"], chunk["attempt"]) == (reply_id, attempt):
                        text = merged(text, chunk["position"], chunk["text"])
        return text


def merged(text: str, position: int, piece: str) -> str:
    """The text with a piece of it that stands at `position`; a piece beyond its end is left out."""
    return text[:position] + piece + text[position + len(piece) :] if position <= len(text) else text


class Chunks:
    """Sends the text of one attempt at one reply while it grows."""

    def __init__(
        self,
        deltas: Deltas,
        session_id: str,
        reply_id: str,
        chat_id: str,
        attempt: int,
        every_s: float,
        full_chars: int,
    ) -> None:
        self._deltas = deltas
        self._subject = subjects.delta(session_id)
        self._facts = {"type": "reply.delta", "reply_id": reply_id, "chat_id": chat_id, "attempt": attempt}
        self._every_s = every_s
        self._full_chars = full_chars
        self._text = ""
        self._sent = 0
        self._sent_at = 0.0
        self._last_seq = 0
        self._incarnation = deltas.incarnation
        self._grew = asyncio.Event()
        self._full = asyncio.Event()
        self._closed = False

    def add(self, text: str) -> None:
        """More text. It is on its way within the coalescing time, unless the bus is away."""
        self._text += text
        self._grew.set()
        if len(self._text) - self._sent >= self._full_chars:
            self._full.set()

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Sends while the block runs. After it, the last chunk is acknowledged (or the bus has been away too long)."""
        task = asyncio.create_task(self._run())
        try:
            yield
            self._closed = True
            self._grew.set()
            self._full.set()
            await asyncio.wait([task], timeout=FLUSH_S)
        finally:
            await cancel(task)

    async def _run(self) -> None:
        while not (self._closed and self._sent >= len(self._text)):
            await self._grew.wait()
            await self._coalesce()
            if not self._closed:
                self._grew.clear()
            try:
                await self._send()
            except (nats.errors.Error, OSError) as error:
                log.warning("delta_not_sent", error=repr(error))
                await self._mend()

    async def _coalesce(self) -> None:
        wait_s = self._sent_at + self._every_s - asyncio.get_running_loop().time()
        if wait_s > 0 and not self._full.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._full.wait()
        if not self._closed:
            self._full.clear()

    async def _send(self) -> None:
        if self._incarnation != self._deltas.incarnation:
            await self._mend()
        while self._sent < len(self._text):
            piece = self._text[self._sent : self._sent + MAX_CHARS]
            body = orjson.dumps({**self._facts, "position": self._sent, "text": piece})
            self._sent_at = asyncio.get_running_loop().time()
            ack = await self._deltas.bus.js.publish(self._subject, body, timeout=ACK_S)
            if ack.seq <= self._last_seq:  # the stream was made anew behind our back, without our text
                self._restart()
            else:
                self._sent += len(piece)
            self._last_seq = ack.seq

    async def _mend(self) -> None:
        while True:
            await self._deltas.bus.connected.wait()
            self._incarnation = self._deltas.incarnation
            try:
                await self._deltas.ensure()
            except (nats.errors.Error, OSError):
                await asyncio.sleep(PAUSE_S)  # JetStream comes up a moment after its server, without a notice
            else:
                self._last_seq = 0
                return self._restart()

    def _restart(self) -> None:
        self._sent = 0
        self._grew.set()
        RESENT.inc()
