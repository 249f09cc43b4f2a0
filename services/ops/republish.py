"""A span of the log sent out again on other subjects, with the pauses it had: for services under test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

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
    """
    loop = asyncio.get_running_loop()
    begun_at, first_ns, sent, seq = loop.time(), None, 0, 0
    async for row in rows:
        first_ns = row["time_ns"] if first_ns is None else first_ns
        seq = row["seq"]
        if speed:
            due_at = begun_at + (row["time_ns"] - first_ns) / 10**9 / speed
            if (wait_s := due_at - loop.time()) > 0:
                await bus.client.flush()
                told(seq - 1)
                await asyncio.sleep(wait_s)
        if row["body"] is None:
            continue
        headers = {HEADER_REPLAYED: str(seq)}
        if row.get("reply_id"):
            headers[subjects.HEADER_REPLY_ID] = row["reply_id"]
        await bus.client.publish(f"{prefix}.{row['session_id']}", orjson.dumps(row["body"]), headers=headers)
        sent += 1
        if sent % FLUSH_EVERY == 0:
            await bus.client.flush()
            told(seq)
    await bus.client.flush()
    told(seq)
    return sent
