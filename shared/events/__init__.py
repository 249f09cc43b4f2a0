"""Events: what is on the wire for ever. Imports pydantic and the standard library only."""

from shared.events.base import Envelope, Event, Unknown
from shared.events.chats import AiContext, ChatActivated, ChatConfigured, ChatRenamed, SessionConfigured
from shared.events.codec import MalformedEventError, Recorded, decode, encode, schema, wrap
from shared.events.facts import (
    CATALOGUE,
    ChatCreated,
    Manifest,
    MessagePosted,
    ParticipantInvited,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantRemoved,
    ParticipantRoleChanged,
    ReplyCompleted,
    ReplyFailed,
    ReplyStarted,
    Role,
    SessionCreated,
    SessionRenamed,
    Usage,
)
from shared.events.messages import MessageEdited, MessageRedacted
from shared.events.objects import OperationApplied
from shared.events.receipts import ReceiptRead
from shared.events.sessions import SessionArchived, SessionDeleted, SessionRestored, SessionUnarchived

__all__ = [
    "CATALOGUE",
    "AiContext",
    "ChatActivated",
    "ChatConfigured",
    "ChatCreated",
    "ChatRenamed",
    "Envelope",
    "Event",
    "MalformedEventError",
    "Manifest",
    "MessageEdited",
    "MessagePosted",
    "MessageRedacted",
    "OperationApplied",
    "ParticipantInvited",
    "ParticipantJoined",
    "ParticipantLeft",
    "ParticipantRemoved",
    "ParticipantRoleChanged",
    "ReceiptRead",
    "Recorded",
    "ReplyCompleted",
    "ReplyFailed",
    "ReplyStarted",
    "Role",
    "SessionArchived",
    "SessionConfigured",
    "SessionCreated",
    "SessionDeleted",
    "SessionRenamed",
    "SessionRestored",
    "SessionUnarchived",
    "Unknown",
    "Usage",
    "decode",
    "encode",
    "schema",
    "wrap",
]
