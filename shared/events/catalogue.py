"""Every fact of version 1 by its type. The catalogue grows; nothing in it changes meaning."""

from shared.events.base import Event
from shared.events.chats import (
    AgentSwitched,
    ChatActivated,
    ChatConfigured,
    ChatCreated,
    ChatRenamed,
    SessionConfigured,
)
from shared.events.erasure import ContentErased
from shared.events.messages import MessageEdited, MessagePosted, MessageRedacted
from shared.events.objects import OperationApplied
from shared.events.participants import (
    ParticipantInvited,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantRemoved,
    ParticipantRoleChanged,
)
from shared.events.plans import PlanFinalized
from shared.events.receipts import ReceiptRead
from shared.events.replies import ReplyCancelRequested, ReplyCompleted, ReplyFailed, ReplyRequested, ReplyStarted
from shared.events.sessions import (
    SessionArchived,
    SessionCreated,
    SessionDeleted,
    SessionRenamed,
    SessionRestored,
    SessionUnarchived,
)

CATALOGUE: dict[str, type[Event]] = {
    event.TYPE: event
    for event in (
        SessionCreated, SessionRenamed, SessionConfigured, SessionArchived, SessionUnarchived, SessionDeleted,
        SessionRestored, ParticipantInvited, ParticipantJoined, ParticipantLeft, ParticipantRemoved,
        ParticipantRoleChanged, ChatCreated, ChatRenamed, ChatConfigured, ChatActivated, AgentSwitched, MessagePosted,
        MessageEdited, MessageRedacted, OperationApplied, ReceiptRead, ReplyRequested, ReplyCancelRequested,
        ReplyStarted, ReplyCompleted, ReplyFailed, PlanFinalized, ContentErased,
    )
}  # fmt: skip
