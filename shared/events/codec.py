"""Events to bytes and back."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from shared.events.base import Envelope, Event, Unknown
from shared.events.catalogue import CATALOGUE


class MalformedEventError(ValueError):
    """The bytes are no event."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event at its place in the log: what, by whom, and at which position of which epoch."""

    seq: int
    envelope: Envelope
    event: Event


def wrap(
    event: Event,
    *,
    event_id: str,
    session_id: str,
    source: str,
    actor: str,
    actor_name: str = "",
    correlation_id: str = "",
    causation_id: str = "",
    traceparent: str = "",
    at: datetime | None = None,
) -> Envelope:
    """The envelope of a new fact, of now, or of the time `at` (in UTC) where it comes from another system."""
    return Envelope(
        id=event_id,
        source=source,
        type=event.TYPE,
        subject=session_id,
        time=(at or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        actor=actor,
        actorname=actor_name,
        correlationid=correlation_id or event_id,
        causationid=causation_id,
        traceparent=traceparent,
        nonce=os.urandom(16).hex(),
        data=event.model_dump(mode="json", exclude_none=True),
    )


def encode(envelope: Envelope) -> bytes:
    """The one JSON object that travels: compact, UTF-8, without a newline (frames are joined by newlines)."""
    return envelope.model_dump_json().encode()


def decode(seq: int, body: bytes) -> Recorded:
    """The event at `seq`. A type that is not in the catalogue becomes `Unknown`.

    Raises:
        MalformedEventError: not an envelope, or not the data its type promises.
    """
    try:
        envelope = Envelope.model_validate_json(body)
        kind: type[Event] = CATALOGUE.get(envelope.type, Unknown)
        return Recorded(seq, envelope, kind.model_validate(envelope.data))
    except ValidationError as error:
        raise MalformedEventError(f"{error.error_count()} fields of seq {seq} are wrong") from error


def schema() -> dict[str, dict[str, Any]]:
    """JSON Schema of every event type, by wire name: what `docs/events.md` and AsyncAPI are made of."""
    return {name: event.model_json_schema() for name, event in CATALOGUE.items()}
