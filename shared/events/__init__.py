"""Events: what is on the wire for ever. Imports pydantic and the standard library only."""

from shared.events.base import Envelope, Event, Unknown
from shared.events.catalogue import CATALOGUE
from shared.events.chats import (
    AgentSwitched,
    AiContext,
    ChatActivated,
    ChatConfigured,
    ChatCreated,
    ChatRenamed,
    SessionConfigured,
)
from shared.events.codec import MalformedEventError, Recorded, attributes, decode, encode, schema, wrap
from shared.events.erasure import ContentErased, Remains
from shared.events.messages import MessageEdited, MessagePosted, MessageRedacted
from shared.events.objects import OperationApplied
from shared.events.participants import (
    ParticipantInvited,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantRemoved,
    ParticipantRoleChanged,
    Role,
)
from shared.events.plans import PlanFinalized, PlanModule, Track
from shared.events.receipts import ReceiptRead
from shared.events.replies import (
    Manifest,
    ReplyCancelRequested,
    ReplyCompleted,
    ReplyFailed,
    ReplyRequested,
    ReplyStarted,
    Usage,
)
from shared.events.sessions import (
    SessionArchived,
    SessionCreated,
    SessionDeleted,
    SessionRenamed,
    SessionRestored,
    SessionUnarchived,
)

__all__ = [
    "CATALOGUE",
    "AgentSwitched",
    "AiContext",
    "ChatActivated",
    "ChatConfigured",
    "ChatCreated",
    "ChatRenamed",
    "ContentErased",
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
    "PlanFinalized",
    "PlanModule",
    "ReceiptRead",
    "Recorded",
    "Remains",
    "ReplyCancelRequested",
    "ReplyCompleted",
    "ReplyFailed",
    "ReplyRequested",
    "ReplyStarted",
    "Role",
    "SessionArchived",
    "SessionConfigured",
    "SessionCreated",
    "SessionDeleted",
    "SessionRenamed",
    "SessionRestored",
    "SessionUnarchived",
    "Track",
    "Unknown",
    "Usage",
    "attributes",
    "decode",
    "encode",
    "schema",
    "wrap",
]
