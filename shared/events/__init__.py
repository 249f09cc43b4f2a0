"""Events: what is on the wire for ever. Imports pydantic and the standard library only."""

from shared.events.base import Envelope, Event, Unknown
from shared.events.codec import MalformedEventError, Recorded, decode, encode, schema, wrap
from shared.events.facts import (
    CATALOGUE,
    ChatCreated,
    Manifest,
    MessagePosted,
    ParticipantInvited,
    ParticipantJoined,
    ParticipantLeft,
    ReplyCompleted,
    ReplyFailed,
    ReplyStarted,
    Role,
    SessionCreated,
    SessionRenamed,
    Usage,
)

__all__ = [
    "CATALOGUE",
    "ChatCreated",
    "Envelope",
    "Event",
    "MalformedEventError",
    "Manifest",
    "MessagePosted",
    "ParticipantInvited",
    "ParticipantJoined",
    "ParticipantLeft",
    "Recorded",
    "ReplyCompleted",
    "ReplyFailed",
    "ReplyStarted",
    "Role",
    "SessionCreated",
    "SessionRenamed",
    "Unknown",
    "Usage",
    "decode",
    "encode",
    "schema",
    "wrap",
]
