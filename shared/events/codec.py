"""Events to bytes and back."""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Required, TypedDict, Unpack

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


class Origin(TypedDict, total=False):
    """Where a fact comes from. `at`: when it happened (in UTC), if that was in another system; otherwise it is now."""

    event_id: Required[str]
    session_id: Required[str]
    source: Required[str]
    actor: Required[str]
    actor_name: str
    correlation_id: str
    causation_id: str
    traceparent: str
    at: datetime | None


def attributes(event: Event, **origin: Unpack[Origin]) -> dict[str, Any]:
    """The fields of a new fact's envelope, in the order in which they travel, as JSON values. Nothing is checked:
    for those whose parts have been. `wrap` is for all others.
    """
    at = origin.get("at")
    return {
        "specversion": "1.0",
        "id": origin["event_id"],
        "source": origin["source"],
        "type": event.TYPE,
        "subject": origin["session_id"],
        "time": _written(at) if at else _now(),
        "datacontenttype": "application/json",
        "actor": origin["actor"],
        "actorname": origin.get("actor_name", ""),
        "correlationid": origin.get("correlation_id") or origin["event_id"],
        "causationid": origin.get("causation_id", ""),
        "traceparent": origin.get("traceparent", ""),
        "nonce": os.urandom(16).hex(),
        "data": event.model_dump(mode="json", exclude_none=True),
    }


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _now() -> str:
    second, ms = divmod(time.time_ns() // 1_000_000, 1000)
    return f"{_second(second)}.{ms:03d}Z"


@lru_cache(maxsize=1)
def _second(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def wrap(event: Event, **origin: Unpack[Origin]) -> Envelope:
    """The checked envelope of a new fact."""
    return Envelope.model_validate(attributes(event, **origin))


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
