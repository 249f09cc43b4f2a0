"""A session's newest events in one message, from a gateway that has the session open to one that opens it.

The stream gives each event as a message of its own, headers and all: five hundred cost the server and the reader
milliseconds each. This is a shortcut past that and nothing else. Who takes it compares the last event with the leader's
copy, so it is of the same log, and goes on from there; whoever gets no answer reads the stream.
"""

import asyncio
from typing import Final

import nats.errors
import orjson

from services.gateway.fold import Fold
from services.gateway.source import Source
from shared import subjects
from shared.bus.client import QuickClient
from shared.bus.direct import Stored

WAIT_S: Final = 0.1  # a gateway that has it answers in about a millisecond, unless it is stopped
MOST_WAITING: Final = 4 * 1024 * 1024  # bytes that wait to be sent here: above, who asks is better off with the stream
HEAD_BYTES: Final = 64 * 1024  # of an answer, before the bodies


def answer(fold: Fold, client: QuickClient, request: bytes) -> bytes:
    """Every event after the seq that is asked for, as `asked` reads it; empty if they are not all in memory."""
    is_position = request.isdigit() and len(request) < 20
    links = fold.recent_after(int(request)) if is_position and client.pending_data_size <= MOST_WAITING else None
    if not links:
        return b""
    seqs, prevs, bodies = zip(*links, strict=True)
    sizes = list(map(len, bodies))
    if prevs[1:] != seqs[:-1] or sum(sizes) > client.max_payload - HEAD_BYTES:
        return b""
    return b"".join((orjson.dumps([seqs, sizes]), b"\n", *bodies))


async def proven(client: QuickClient, source: Source, session_id: str, after: int) -> tuple[list[Stored], int]:
    """Every event of the session from `after` up to one that the leader has, none if no gateway could tell; and the seq
    of the leader's newest, 0 if it has none.

    Raises:
        Unavailable: the stream does not answer.
    """
    events, newest = await asyncio.gather(
        _asked_in_turn(client, source.handovers, session_id, after), source.head(session_id)
    )
    if newest is None:
        return [], 0
    if events:
        last = events[-1]
        stored = newest if newest.seq == last.seq else await source.stored(last.seq)
        if stored is None or stored[:3] != last[:3]:
            events = []  # that gateway has not noticed yet that the log is another one
    return events, newest.seq


async def _asked_in_turn(client: QuickClient, turn: asyncio.Semaphore, session_id: str, after: int) -> list[Stored]:
    if turn.locked():
        return []
    async with turn:
        return await asked(client, session_id, after)


async def asked(client: QuickClient, session_id: str, after: int) -> list[Stored]:
    """Every event of the session after `after` up to the last of these; none if no gateway can tell."""
    try:
        _, message = await client.call(subjects.handover(session_id), b"%d" % after, WAIT_S)
    except (nats.errors.Error, TimeoutError):
        return []
    return _read(subjects.event(session_id), message)


def _read(subject: str, message: bytes) -> list[Stored]:
    """The events of an answer; none if it is empty, or not one that this version knows."""
    at, events = message.find(b"\n") + 1, []
    try:
        for seq, size in zip(*orjson.loads(message[:at]), strict=True):
            events.append(Stored(seq, subject, message[at : (at := at + size)]))
    except (ValueError, TypeError):
        return []
    return events
