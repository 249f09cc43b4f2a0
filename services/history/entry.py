"""A message of EVENTS as history takes it in, and what the log's columns say about it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from shared import subjects
from shared.bus.rounds import Delivered
from shared.events import CATALOGUE, Envelope, Unknown

_NUL = "\x00"  # PostgreSQL's text can't hold it


@dataclass(frozen=True, slots=True)
class Entry:
    """One message at its position. `time_ns` is the stream's own clock, Unix nanoseconds.

    One that was erased before the log had it (as after a restore from a backup) has no body: what is known of it comes
    from the event that erased it.
    """

    seq: int
    time_ns: int
    subject: str
    body: bytes | None
    digest: bytes = b""  # of the body, where that is erased
    remains: bytes | None = None
    erased_by: int | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """What the body says; all None where it is no event."""

    event_id: str | None = None
    actor: str | None = None
    type: str | None = None
    occurred_at: datetime | None = None
    reply_id: str | None = None
    malformed: bool = True


def from_message(message: Delivered) -> Entry:
    """The entry of a message that a consumer delivered. Source: NATS ADR-15, subjects of acknowledgements."""
    tokens = message.reply.split(".")
    base = 1 if len(tokens) == 9 else 3  # the longer form has domain and account before the stream
    return Entry(int(tokens[base + 4]), int(tokens[base + 6]), message.subject, message.data)


def time_ns(rfc3339: str) -> int:
    """Unix nanoseconds of a JetStream time, which has up to nine digits behind the second and is in UTC."""
    whole, _, fraction = rfc3339.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return seconds * 10**9 + int(fraction.ljust(9, "0") or 0)


def columns(entry: Entry) -> Columns:
    """Reads the body. One that is no event, or not of the session it was published to, is malformed."""
    body = (entry.body if entry.body is not None else entry.remains) or b""
    try:
        raw = orjson.loads(body)  # stricter than the model's own parser: no NaN, no lone surrogates
        envelope = Envelope.model_validate(raw)
        CATALOGUE.get(envelope.type, Unknown).model_validate(envelope.data)
        occurred_at = datetime.fromisoformat(envelope.time)
    except (ValueError, OverflowError):
        return Columns()
    texts = (envelope.id, envelope.actor, envelope.type)
    if envelope.subject != subjects.session_of(entry.subject) or occurred_at.tzinfo is None or _NUL in "".join(texts):
        return Columns()
    return Columns(*texts, occurred_at, _reply_id(raw), malformed=False)


def _reply_id(raw: dict[str, Any]) -> str | None:
    found = raw["data"].get("reply_id")
    return found if isinstance(found, str) and _NUL not in found else None
