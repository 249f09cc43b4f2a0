"""One WebSocket: the `asyncio.Protocol` that uvicorn hands an upgraded connection to.

The protocol's rules are in `websockets.server.ServerProtocol` (no I/O); what is here is the transport, and the bound on
what may wait for a slow reader. Frames of pushes are written as they are, without passing through the protocol.
"""

import asyncio
from typing import cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State

from services.gateway import closing, handshake
from services.gateway.closing import Close
from services.gateway.frames import UNKNOWN, FrameMemo, left_after, text_frames, whole_text
from services.gateway.inflow import Inflow
from services.gateway.parties import Acceptor, Receiver, Sockets
from services.gateway.turn import Turn

CLOSE_S = 2.0  # how long the peer has to answer a close frame


_memo = FrameMemo()
_turn = Turn()
_WRITABLE = asyncio.Event()  # of every socket whose reader keeps up; never cleared, so nobody ever waits for it
_WRITABLE.set()


class Socket(asyncio.Protocol):
    """A connection from its upgrade request to its end."""

    __slots__ = (
        "_abort_timer", "_acceptor", "_fragments", "_inflow", "_left", "_limit", "_most", "_pending", "_receiver",
        "_server_state", "_stats", "_transport", "_ws", "gateways", "open", "writable",
    )  # fmt: skip

    def __init__(self, acceptor: Acceptor, *, server_state: Sockets, **_uvicorn: object) -> None:
        self._acceptor = acceptor
        self._stats = acceptor.stats
        self._limit = acceptor.buffer_bytes
        self._server_state = server_state
        self._most = acceptor.frame_bytes
        self._ws = handshake.make_protocol(acceptor.frame_bytes)
        self._receiver: Receiver | None = None
        self._fragments: bytearray | None = None
        self._left = UNKNOWN  # bytes to come of the frame in progress
        self._pending: list[bytes] = []
        self._abort_timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self._inflow: Inflow
        self.open = False
        self.gateways: tuple[str, ...] = ()  # where this client reaches them
        self.writable = _WRITABLE

    # What the owner calls.

    def send(self, payload: bytes) -> None:
        """Writes lines of text, in one frame with whatever else is written in this turn. Does nothing once closing."""
        if self.open:
            if not self._pending:
                _turn.add(self)
            self._pending.append(payload)

    @property
    def behind(self) -> bool:
        """Whether the reader is so slow that what can be left out should be."""
        return self._transport.get_write_buffer_size() * 2 > self._limit

    def close(self, why: Close) -> None:
        """Starts the closing handshake; the connection ends when the peer answers, or `CLOSE_S` later."""
        if self.open:
            self.open = False
            self.write_pending()
            if self._ws.state is State.OPEN:  # what came in one piece with a broken frame finds it closing
                self._ws.send_close(why.code, why.reason)
            self._flush()
            self._abort_later()

    def pause(self) -> None:
        """Stops reading: what the peer goes on sending waits on its side."""
        self._inflow.hold()

    def resume(self) -> None:
        """Reads again."""
        self._inflow.go_on()

    def write_pending(self) -> None:
        """Writes what this turn of the loop has brought; closes the socket if earlier ones wait in vain."""
        pending, self._pending = self._pending, []
        if not pending or self._transport.is_closing():
            return
        if self.open and self._is_slow:
            self._close_slow()
            return
        data = _memo.frames(pending[0]) if len(pending) == 1 else text_frames(b"\n".join(pending))
        self._stats.bytes_out += len(data)
        self._transport.write(data)

    # What uvicorn and the event loop call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes over the upgraded connection."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._limit // 2)
        self._inflow = Inflow(self._transport, self._take)
        self._server_state.connections.add(self)

    def shutdown(self) -> None:
        """The gateway stops: the client is told to connect elsewhere."""
        self.close(closing.SHUTDOWN)

    def data_received(self, data: bytes) -> None:
        """Takes it in, at once or a piece at a time."""
        self._inflow.came(data)

    def _take(self, data: bytes) -> None:
        """Passes on a message that is whole, past the protocol, which would say the same of it; feeds it all else."""
        text = whole_text(data, self._most) if self._left == 0 and self.open and self._fragments is None else None
        if text is None:
            self._feed(data)
        else:
            self._text(text)
        if self._is_slow:  # who pings and does not read the pongs
            if self.open:
                self._close_slow()
            else:
                self._transport.abort()

    def _feed(self, data: bytes) -> None:
        was_open = self.open
        self._ws.receive_data(data)
        for event in self._ws.events_received():
            if isinstance(event, Request):
                self._handshake(event)
                event.headers.clear()  # the protocol holds on to the request for as long as the connection lives
            elif isinstance(event, Frame):
                self._frame(event)
        self._flush()
        if self.open and self._ws.state is not State.OPEN:  # a close frame, or an error, came
            self.open = False
            self._abort_later()
        if was_open and self._left != UNKNOWN:
            self._left = left_after(data, self._left)
        elif not was_open and data.endswith(b"\r\n\r\n"):
            self._left = 0  # the handshake was all

    @property
    def _is_slow(self) -> bool:
        return self._transport.get_write_buffer_size() > self._limit

    def _close_slow(self) -> None:
        self._stats.slow_closes += 1
        self.close(closing.SLOW)

    def eof_received(self) -> bool:
        """The peer says no more; nothing more is said to it either."""
        return False

    def pause_writing(self) -> None:
        """Half of what may wait is waiting."""
        self.writable = asyncio.Event()

    def resume_writing(self) -> None:
        """The reader has caught up."""
        self.writable.set()
        self.writable = _WRITABLE

    def connection_lost(self, _exc: Exception | None) -> None:
        """The end."""
        self.open = False
        self.writable.set()
        self._inflow.stop()
        self._server_state.connections.discard(self)
        if self._abort_timer:
            self._abort_timer.cancel()
        if self._receiver:
            receiver, self._receiver = self._receiver, None
            receiver.lost()

    def _handshake(self, request: Request) -> None:
        acceptor = self._acceptor
        response = handshake.answer(self._ws, request, acceptor.allowed_origins, acceptor.addresses)
        self._ws.send_response(response)
        if response.status_code == 101:
            self._flush()
            self.open = True
            self.gateways = acceptor.addresses.seen_by(request.headers.get("Host"))
            self._receiver = acceptor.accept(self)

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self.close(closing.BAD_REQUEST)
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT) or not self.open or self._receiver is None:
            return
        if not frame.fin or self._fragments is not None:
            self._fragments = self._fragments or bytearray()
            self._fragments += frame.data
            if not frame.fin:
                return
            text, self._fragments = bytes(self._fragments), None
        else:
            text = bytes(frame.data)
        self._text(text)

    def _text(self, text: bytes) -> None:
        try:
            if not text.isascii():
                text.decode()
        except UnicodeDecodeError:
            self.close(closing.INVALID_TEXT)
            return
        if self._receiver is not None:
            self._receiver.received(text)

    def _flush(self) -> None:
        """Writes what the protocol has to say. Its empty piece means the end: ours of the connection, not the peer's,

        for closing with unread input would take the close frame back (TCP reset).
        """
        pieces = self._ws.data_to_send()
        if pieces:
            self.write_pending()
        for piece in pieces:
            if self._transport.is_closing():
                return
            if piece:
                self._transport.write(piece)
            elif self._ws.close_rcvd or not self._transport.can_write_eof():
                self._transport.close()
            else:
                self._transport.write_eof()
                self._abort_later()

    def _abort_later(self) -> None:
        if self._abort_timer is None:
            self._abort_timer = asyncio.get_running_loop().call_later(CLOSE_S, self._transport.abort)
