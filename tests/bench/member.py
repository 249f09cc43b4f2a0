"""Members of sessions: signed in, subscribed, and able to tell when what they receive was sent."""

import asyncio
import time

import orjson

from shared import ids
from tests.bench import socket as sockets
from tests.bench.socket import Socket

TEXT_BYTES = 200


def text(number: int) -> str:
    """`TEXT_BYTES` characters that say which message it is and when it was sent."""
    return f"#{number:09d}|{time.perf_counter_ns():019d}|".ljust(TEXT_BYTES, "x")


def read(payload: bytes) -> tuple[int, int] | None:
    """(number, nanoseconds on the way) of a message made by `text`; None for everything else."""
    at = payload.find(b"#")
    if at < 0 or payload[at + 10 : at + 11] != b"|":
        return None
    return int(payload[at + 1 : at + 10]), time.perf_counter_ns() - int(payload[at + 11 : at + 30])


class Receiver:
    """Counts the messages that come, in order or not, and keeps how long they were on their way."""

    def __init__(self, socket: Socket, *, first: int = 0) -> None:
        self.socket = socket
        self.count = 0
        self.next = first
        self.disordered = 0
        self.took_ns: list[int] = []
        self.came = asyncio.Event()
        socket.on_text = self._take

    def start(self, first: int) -> None:
        """Counts anew, from message `first`."""
        self.count, self.next, self.disordered, self.took_ns = 0, first, 0, []

    def _take(self, payload: bytes) -> None:
        for line in payload.split(b"\n"):
            if line == b"{}":
                self.socket.send(b"{}")
            elif line.startswith((b'{"push"', b"#")) and (found := read(line)) is not None:
                self.disordered += found[0] != self.next
                self.next = found[0] + 1
                self.count += 1
                self.took_ns.append(found[1])
                self.came.set()


async def member(address: str, token: str, session_id: str) -> Socket:
    """A socket of the gateway at `address` that is signed in and subscribed to the session."""
    socket = await sockets.connect(f"{address}/connection/websocket")
    replies: asyncio.Queue[bytes] = asyncio.Queue()
    socket.on_text = replies.put_nowait
    socket.send(orjson.dumps({"id": 1, "connect": {"token": token}}))
    socket.send(orjson.dumps({"id": 2, "subscribe": {"channel": f"session:{session_id}"}}))
    while (reply := orjson.loads((await replies.get()).splitlines()[-1])).get("id") != 2:
        assert "error" not in reply, reply
    assert "error" not in reply, reply
    return socket


def command(session_id: str, number: int) -> bytes:
    """The frame that sends message `number`."""
    data = {"id": ids.uuid7(), "session_id": session_id, "content": text(number)}
    return orjson.dumps({"id": number + 3, "rpc": {"method": "message.send", "data": data}})
