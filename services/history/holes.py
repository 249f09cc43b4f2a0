"""Positions that were not delivered: had from the stream, or, where they were erased, from the event that says so."""

from base64 import b64decode

import nats.errors
import orjson

from services.history.entry import Entry, columns, time_ns
from services.history.errors import Hole
from shared import errors, subjects
from shared.bus.connection import Bus
from shared.bus.direct import NO_MESSAGE, DirectReader, Stored
from shared.events import ContentErased, decode

MOST = 10_000  # positions looked for at a time: a longer hole is a trimmed stream, and none is there to be had
_TIMEOUT_S = 2.0
_ERASED = ContentErased.TYPE.encode()


async def fetch(bus: Bus, first: int, last: int) -> list[Entry]:
    """What stands, or stood, at `first` to `last`.

    Raises:
        Hole: with the positions that the stream does not have, though nobody erased them.
        Unavailable: the stream does not answer.
    """
    if last - first >= MOST:
        raise Hole(first, last)
    reader = DirectReader(bus.client)
    found: dict[int, Entry] = {}
    missing: set[int] = set()
    for seq in range(first, last + 1):
        entry = await _message(bus, seq)
        if entry is None:
            missing.add(seq)
        else:
            found[seq] = entry
    if missing:
        await reader.start()
        try:
            found |= await _erased(reader, missing)
        finally:
            await reader.stop()
    lost = [seq for seq in range(first, last + 1) if seq not in found]
    if lost:
        raise Hole(lost[0], lost[-1], lost)
    return [found[seq] for seq in sorted(found)]


async def _message(bus: Bus, seq: int) -> Entry | None:
    """The message at `seq`, by the leader's word."""
    subject, request = f"$JS.API.STREAM.MSG.GET.{subjects.EVENTS}", orjson.dumps({"seq": seq})
    try:
        reply = await bus.client.request(subject, request, timeout=_TIMEOUT_S)
    except nats.errors.Error as error:
        raise errors.Unavailable("EVENTS does not answer") from error
    answer = orjson.loads(reply.data)
    if "error" in answer:
        if answer["error"].get("err_code") == NO_MESSAGE:
            return None
        raise errors.Unavailable(str(answer["error"].get("description")))
    message = answer["message"]
    return Entry(seq, time_ns(message["time"]), message["subject"], b64decode(message.get("data", "")))


async def _erased(reader: DirectReader, missing: set[int]) -> dict[int, Entry]:
    """Those of the missing positions that a later event says were erased. Reads the stream until all are explained."""
    found: dict[int, Entry] = {}
    after = min(missing)
    while len(found) < len(missing):
        batch = await reader.after(subjects.EVENTS, subjects.ALL_EVENTS, after)
        if not batch:
            break
        for stored in batch:
            if _ERASED in stored.body:
                for entry in entries_of(stored):
                    if entry.seq in missing:
                        found.setdefault(entry.seq, entry)
        after = batch[-1].seq
    return found


def entries_of(stored: Stored) -> list[Entry]:
    """The erased events that the message tells of; none if it is no `content.erased`, or one that orders nothing."""
    if columns(Entry(stored.seq, 0, stored.subject, stored.body)).type != ContentErased.TYPE:
        return []
    event = decode(stored.seq, stored.body).event
    if not isinstance(event, ContentErased):
        return []
    return [
        Entry(
            seq=it.seq,
            time_ns=it.time_ns,
            subject=stored.subject,
            body=None,
            digest=bytes.fromhex(it.digest),
            remains=None if it.body is None else orjson.dumps(it.body),
            erased_by=stored.seq,
        )
        for it in event.remains
        if it.seq < stored.seq
    ]
