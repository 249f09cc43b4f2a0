"""A span of the log sent out again on other subjects, with the pauses it had: for services under test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import nats.errors
import orjson

from services.ops import errors
from shared import subjects
from shared.bus.connection import Bus

HEADER_REPLAYED = "Antiphon-Replayed-Seq"
FLUSH_EVERY = 500
_OWN = {"event", "live", "delta", "signal", "notice", "prompt", "parked", "query", "log"}


def check_prefix(prefix: str) -> str:
    """The prefix, if nothing of Antiphon listens there.

    Raises:
        BadReplay: it is not a subject, or is one of Antiphon's own.
    """
    parts = prefix.split(".")
    if not all(parts) or any(set(part) & set("*> \t\r\n") for part in parts):
        raise errors.BadReplay(reason=f"{prefix!r} is no subject to publish to")
    if parts[0] in _OWN or parts[0].startswith(("$", "_")):
        raise errors.BadReplay(reason=f"subjects below {parts[0]!r} are Antiphon's own: choose another prefix")
    return prefix


def pace(text: str) -> float:
    """How many times as fast as it was; 0 is as fast as it goes.

    Raises:
        BadReplay: it is neither a positive number nor `max`.
    """
    try:
        speed = 0.0 if text == "max" else float(text)
    except ValueError:
        speed = -1.0
    if speed < 0 or (speed == 0 and text != "max"):
        raise errors.BadReplay(reason=f"{text!r} is no speed: write 1, 10 or max")
    return speed


async def republish(
    bus: Bus, rows: AsyncIterator[dict[str, Any]], prefix: str, speed: float, told: Callable[[int], None]
) -> int:
    """The events are published to `<prefix>.<session_id>`, each when its time has come; how many those were.

    Each has its position in the header `Antiphon-Replayed-Seq`. `told` is called with positions that are certain to
    have reached the server. Events without a body (erased, malformed) are passed over.

    Raises:
        ReplayBroken: the bus went away; what was told last is certain, what came after may or may not have arrived.
    """
    loop, sender = asyncio.get_running_loop(), _Sender(bus, told)
    begun_at, first_ns = loop.time(), None
    async for row in rows:
        first_ns = row["time_ns"] if first_ns is None else first_ns
        if speed:
            due_at = begun_at + (row["time_ns"] - first_ns) / 10**9 / speed
            if (wait_s := due_at - loop.time()) > 0:
                await sender.arrived()
                await asyncio.sleep(wait_s)
        await sender.send(prefix, row)
    await sender.arrived()
    return sender.sent


class _Sender:
    """Publishes, and knows how far everything has arrived."""

    def __init__(self, bus: Bus, told: Callable[[int], None]) -> None:
        self.sent = 0
        self._client = bus.client
        self._told = told
        self._connections = bus.client.stats["reconnects"]
        self._seq = self._arrived = 0

    async def send(self, prefix: str, row: dict[str, Any]) -> None:
        self._seq = row["seq"]
        if row["body"] is None:
            return
        headers = {HEADER_REPLAYED: str(self._seq)}
        if row.get("reply_id"):
            headers[subjects.HEADER_REPLY_ID] = row["reply_id"]
        try:
            await self._client.publish(f"{prefix}.{row['session_id']}", orjson.dumps(row["body"]), headers=headers)
        except nats.errors.Error as error:
            raise errors.ReplayBroken(seq=self._arrived) from error
        self.sent += 1
        if self.sent % FLUSH_EVERY == 0:
            await self.arrived()

    async def arrived(self) -> None:
        """Everything sent is with the server. A flush alone does not say so: without a connection it does nothing, and
        on a new connection it says nothing of what was written to the one before.
        """
        try:
            await self._client.flush()
        except (nats.errors.Error, TimeoutError) as error:
            raise errors.ReplayBroken(seq=self._arrived) from error
        if not self._client.is_connected or self._client.stats["reconnects"] != self._connections:
            raise errors.ReplayBroken(seq=self._arrived)
        if self._seq > self._arrived:
            self._arrived = self._seq
            self._told(self._seq)
