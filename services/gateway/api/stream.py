"""A session as server-sent events: the same listener, order and cursor as on a socket.

Source: WHATWG HTML, 9.2 (server-sent events). `id` is the event's seq and its log's epoch, `7:<epoch>`: a browser comes
back by itself with no more than that. What is never stored has none, so that `Last-Event-ID` stays the last event's.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from services.gateway import awareness
from services.gateway.api.calls import ByCaller, InGateway
from services.gateway.api.sessions import PathId
from services.gateway.held import held
from services.gateway.hub import Listener
from services.gateway.joining import Joined
from shared import errors

router = APIRouter(prefix="/api/sessions", tags=["sessions"])

KEEP_ALIVE_S = 15.0
OPENING = b"retry: 1000\n\n"
MAX_DIGITS = 17


class EventStream(Listener):
    """A listener that holds what its reader has not read yet, up to `max_bytes`."""

    def __init__(self, user: str, max_bytes: int) -> None:
        self.user = user
        self._max_bytes = max_bytes
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._head = 0
        self._epoch = b""
        self._ended = False

    def open_with(self, joined: Joined) -> None:
        """Puts the answer first: the snapshot of a fresh start, or the events missed."""
        self._head = len(joined.feed.frame(b"")) - len(b"}}")
        self._epoch = joined.epoch.encode()
        if not joined.recovered:
            self._put(b"event: snapshot\nid: %d:%b\ndata: %b\n\n" % (joined.offset, self._epoch, joined.snapshot))
        for publication in joined.publications:
            self._put_event(orjson.loads(publication)["offset"], publication)

    def deliver(self, frame: bytes, seq: int | None) -> None:
        """Takes the publication out of a push."""
        publication = frame[self._head : -2]
        if self._bytes > self._max_bytes:
            self.end()
        elif seq is None:
            self._put(b"event: passing\ndata: %b\n\n" % publication)
        else:
            self._put_event(seq, publication)

    def revoked(self) -> None:
        """The reader comes back and gets 404."""
        self.end()

    def insufficient(self) -> None:
        """The reader comes back with its cursor."""
        self.end()

    def end(self) -> None:
        """Nothing more after what is waiting."""
        self._ended = True
        self._wake.set()

    def _put_event(self, seq: int, publication: bytes) -> None:
        self._put(b"id: %d:%b\ndata: %b\n\n" % (seq, self._epoch, publication))

    def _put(self, piece: bytes) -> None:
        if not self._ended:
            self._waiting.append(piece)
            self._bytes += len(piece)
            self._wake.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """What to write, as it comes, with a comment now and then so that nobody takes the stream for dead."""
        yield OPENING
        while True:
            while self._waiting:
                piece = self._waiting.popleft()
                self._bytes -= len(piece)
                yield piece
            if self._ended:
                return
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                yield b":\n\n"


class HeldResponse(StreamingResponse):
    """Lets go of what it holds once it is over, even if its body was never begun."""

    def __init__(self, content: AsyncIterator[bytes], holding: ExitStack) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(content, media_type="text/event-stream", headers=headers)
        self._holding = holding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Writes until the stream or its reader ends."""
        with self._holding:
            await super().__call__(scope, receive, send)


@router.get("/{session_id}/stream", response_class=StreamingResponse)
async def stream(
    request: Request,
    gateway: InGateway,
    caller: ByCaller,
    session_id: PathId,
    last_event_id: Annotated[str, Header(description="The id of the last event one has: its seq, `:`, its epoch")] = "",
    epoch: Annotated[str, Query(description="The epoch, if the id is a seq alone")] = "",
) -> StreamingResponse:
    """The session from now on, after a snapshot; or from `Last-Event-ID` on without a hole.

    It ends when the token does, when the gateway stops and when it has lost the bus: come back with `Last-Event-ID`.
    """
    seq, _, named = last_event_id.partition(":")
    if last_event_id and not (seq.isascii() and seq.isdigit() and len(seq) < MAX_DIGITS):
        raise errors.BadRequest("Last-Event-ID: the seq of an event, or its id in this stream")
    listener = EventStream(caller.identity.user, gateway.settings.socket_buffer_bytes)
    recover = (named or epoch, int(seq)) if last_event_id else None
    with ExitStack() as holding:
        holding.enter_context(held(gateway, caller.identity, listener, request.app.state.streams))
        joined = await gateway.sessions.join(session_id, listener, recover, caller.identity.user)
        holding.callback(joined.leave)
        await awareness.complete(gateway, joined)
        listener.open_with(joined)
        joined.go_live()
        return HeldResponse(listener.pieces(), holding.pop_all())
