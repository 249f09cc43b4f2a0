"""What a participant may ask for. A command's model is its syntax; `decide` knows the rules that need the state."""

from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared import ids
from shared.events import (
    ChatCreated,
    Event,
    MessageEdited,
    MessagePosted,
    MessageRedacted,
    OperationApplied,
    ParticipantInvited,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantRemoved,
    ParticipantRoleChanged,
    SessionArchived,
    SessionCreated,
    SessionDeleted,
    SessionRenamed,
    SessionRestored,
    SessionUnarchived,
    Track,
)
from shared.events.base import ChatId, SessionId, Title, UserId
from shared.events.chats import ChatType
from shared.events.objects import ObjectId, OperationKind
from shared.events.replies import AgentName
from shared.events.sessions import Key
from shared.nesting import MOST_LEVELS, is_too_deep

METADATA_BYTES = 8192
PAYLOAD_BYTES = 16_384
INVITE_TTL_S = 7 * 24 * 3600


def _uuid7(text: str) -> str:
    if not ids.is_uuid7(text):
        raise ValueError("must be a UUIDv7 in lower-case text")
    return text


def _up_to(max_bytes: int) -> AfterValidator:
    def small(value: Any) -> Any:
        if is_too_deep(value):
            raise ValueError(f"must be at most {MOST_LEVELS} levels deep")
        try:
            text = orjson.dumps(value)
        except TypeError:
            raise ValueError("must hold no half of a surrogate pair and no integer beyond 64 bits") from None
        if len(text) > max_bytes:
            raise ValueError(f"must be at most {max_bytes} bytes of JSON")
        if value and orjson.loads(text) != value:  # it would be stored as null, and not be known again
            raise ValueError("must hold no NaN and no infinity")
        return value

    return AfterValidator(small)


CommandId = Annotated[str, AfterValidator(_uuid7)]


class Command(BaseModel):
    """Something one user wants done in one session. `id` is made by the client and becomes the event's id."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    METHOD: ClassVar[str]
    EVENT: ClassVar[type[Event]]  # what it becomes
    id: CommandId
    session_id: SessionId


class CreateSession(Command):
    """Open a session; its id is the command's unless another one is given. `kind` is `track` if there is a track.

    `key` is set by `session.get_or_create` alone.
    """

    METHOD: ClassVar[str] = "session.create"
    EVENT: ClassVar[type[Event]] = SessionCreated
    session_id: SessionId = ""
    title: Title = ""
    kind: Literal["chat", "track"] = "chat"
    project: Annotated[str, StringConstraints(max_length=200)] = ""
    track: Track | None = None
    key: Key = ""

    @model_validator(mode="after")
    def _kind_fits(self) -> "CreateSession":
        if (self.kind == "track") != (self.track is not None):
            raise ValueError("a track belongs to kind `track`, and only there")
        return self

    def model_post_init(self, _context: object) -> None:
        """A session that was not named has the command's id."""
        if not self.session_id:
            object.__setattr__(self, "session_id", self.id)


class RenameSession(Command):
    """Give a session another title."""

    METHOD: ClassVar[str] = "session.rename"
    EVENT: ClassVar[type[Event]] = SessionRenamed
    title: Title


class ArchiveSession(Command):
    """Put a session away."""

    METHOD: ClassVar[str] = "session.archive"
    EVENT: ClassVar[type[Event]] = SessionArchived


class UnarchiveSession(Command):
    """Bring a session back into the list."""

    METHOD: ClassVar[str] = "session.unarchive"
    EVENT: ClassVar[type[Event]] = SessionUnarchived


class DeleteSession(Command):
    """Close a session and hide it from every list."""

    METHOD: ClassVar[str] = "session.delete"
    EVENT: ClassVar[type[Event]] = SessionDeleted


class RestoreSession(Command):
    """Take the deletion back."""

    METHOD: ClassVar[str] = "session.restore"
    EVENT: ClassVar[type[Event]] = SessionRestored


class InviteParticipant(Command):
    """Make an invitation that is good for `ttl_s` seconds."""

    METHOD: ClassVar[str] = "session.invite"
    EVENT: ClassVar[type[Event]] = ParticipantInvited
    role: Literal["member", "viewer"] = "member"
    ttl_s: int = Field(INVITE_TTL_S, ge=60, le=365 * 24 * 3600)


class JoinSession(Command):
    """Enter a session with an invitation, whose token the gateway has already read and proved genuine."""

    METHOD: ClassVar[str] = "session.join"
    EVENT: ClassVar[type[Event]] = ParticipantJoined
    invite_id: CommandId


class LeaveSession(Command):
    """Leave a session."""

    METHOD: ClassVar[str] = "session.leave"
    EVENT: ClassVar[type[Event]] = ParticipantLeft


class RemoveParticipant(Command):
    """Take somebody out of the session."""

    METHOD: ClassVar[str] = "session.remove"
    EVENT: ClassVar[type[Event]] = ParticipantRemoved
    user: UserId


class SetRole(Command):
    """Let somebody write, or only read."""

    METHOD: ClassVar[str] = "session.set_role"
    EVENT: ClassVar[type[Event]] = ParticipantRoleChanged
    user: UserId
    role: Literal["member", "viewer"]


class CreateChat(Command):
    """Open a further chat; its id is the command's. With `unique_type`, only if there is none of its type."""

    METHOD: ClassVar[str] = "chat.create"
    EVENT: ClassVar[type[Event]] = ChatCreated
    name: Title = ""
    chat_type: ChatType = "discussion"
    unique_type: bool = False


class SendMessage(Command):
    """Post a message, to the active chat unless another is named. `reply`: ask the chat's agent, or the one named.
    With `expected_seq`, only if that is the session's last seq: nothing has happened there that was not seen.
    """

    METHOD: ClassVar[str] = "message.send"
    EVENT: ClassVar[type[Event]] = MessagePosted
    chat_id: ChatId | None = None
    content: Annotated[str, StringConstraints(min_length=1, max_length=16_384)]
    metadata: Annotated[dict[str, Any], _up_to(METADATA_BYTES)] = Field(default_factory=dict)
    parent: CommandId | Literal["root"] | None = None
    reply: bool | AgentName = False
    expected_seq: int | None = Field(None, ge=0)


class TargetedCommand(Command):
    """Changes something that is there. With `expected_seq`, only if that is where it last changed."""

    expected_seq: int | None = Field(None, ge=0)


class EditMessage(TargetedCommand):
    """Let one's own message say something else."""

    METHOD: ClassVar[str] = "message.edit"
    EVENT: ClassVar[type[Event]] = MessageEdited
    message_id: CommandId
    content: Annotated[str, StringConstraints(min_length=1, max_length=16_384)]
    metadata: Annotated[dict[str, Any], _up_to(METADATA_BYTES)] | None = None


class RedactMessage(TargetedCommand):
    """Take back one's own message; the owner may take back any."""

    METHOD: ClassVar[str] = "message.redact"
    EVENT: ClassVar[type[Event]] = MessageRedacted
    message_id: CommandId


class SubmitOperation(TargetedCommand):
    """Do something to a shared object. With `expected_seq` 0: only if nobody has before."""

    METHOD: ClassVar[str] = "operation.submit"
    EVENT: ClassVar[type[Event]] = OperationApplied
    kind: OperationKind
    target: ObjectId
    payload: Annotated[Any, _up_to(PAYLOAD_BYTES)] = None
