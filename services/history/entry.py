"""A message of EVENTS as history takes it in, and what the log's columns say about it."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from services.history.order import order_of
from shared import subjects
from shared.bus.rounds import Delivered
from shared.events import CATALOGUE, ContentErased, Envelope, Unknown

MOST_BYTES: Final = 2600  # of UTF-8, of what an index holds: PostgreSQL refuses a row of an index above 2,704 bytes
ODD: Final = "odd.hex."  # in place of `event.`, before the subject in hex: nothing that is published can have it
LONG: Final = "long."  # before the SHA-256 of a session that is too long: one that is published has no dot
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

    @property
    def logged_subject(self) -> str:
        """The subject as the log holds it and as the chain covers it: itself, but one with a NUL is in hex."""
        return ODD + self.subject.encode().hex() if _NUL in self.subject else self.subject


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


def session_of(subject: str) -> str:
    """The session that the log's column names for a subject that the log holds. No client's session is too long."""
    token = subjects.session_of(subject)
    if len(token) * 4 <= MOST_BYTES or len(token.encode()) <= MOST_BYTES:
        return token
    return LONG + hashlib.sha256(token.encode()).hexdigest()


def columns(entry: Entry) -> Columns:
    """Reads the body. What is no event, not of the session it was published to, or more than the columns can hold, is
    malformed; so is an order to erase that can't be carried out.
    """
    body = (entry.body if entry.body is not None else entry.remains) or b""
    try:
        raw = orjson.loads(body)  # stricter than the model's own parser: no NaN, no lone surrogates
        envelope = Envelope.model_validate(raw)
        CATALOGUE.get(envelope.type, Unknown).model_validate(envelope.data)
        occurred_at = datetime.fromisoformat(envelope.time)
        occurred_at.astimezone(UTC)  # may be before the year 1
        if envelope.type == ContentErased.TYPE:
            order_of(entry.seq, entry.subject, body)
    except (ValueError, OverflowError):
        return Columns()
    texts = (envelope.id, envelope.actor, envelope.type)
    if envelope.subject != subjects.session_of(entry.subject) or occurred_at.tzinfo is None or _NUL in "".join(texts):
        return Columns()
    if len((envelope.actor + envelope.id).encode()) > MOST_BYTES or len(envelope.type) > MOST_BYTES:
        return Columns()
    return Columns(*texts, occurred_at, reply_id(raw), malformed=False)


def reply_id(raw: dict[str, Any]) -> str | None:
    """The reply that a decoded event is about, if it names one that the column can hold."""
    found = raw["data"].get("reply_id")
    return found if isinstance(found, str) and _NUL not in found else None
