"""What a participant may ask for. A command's model is its syntax; `decide` knows the rules that need the state."""

from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shared import ids
from shared.events.base import ChatId, SessionId, Title, UserId
from shared.events.objects import ObjectId, OperationKind

METADATA_BYTES = 8192
PAYLOAD_BYTES = 16_384
INVITE_TTL_S = 7 * 24 * 3600


def _uuid7(text: str) -> str:
    if not ids.is_uuid7(text):
        raise ValueError("must be a UUIDv7 in lower-case text")
    return text


def _up_to(max_bytes: int) -> AfterValidator:
    def small(value: Any) -> Any:
        try:
            size = len(orjson.dumps(value))
        except orjson.JSONEncodeError as error:
            raise ValueError(str(error)) from error
        if size > max_bytes:
            raise ValueError(f"must be at most {max_bytes} bytes of JSON")
        return value

    return AfterValidator(small)


CommandId = Annotated[str, AfterValidator(_uuid7)]


class Command(BaseModel):
    """Something one user wants done in one session. `id` is made by the client and becomes the event's id."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    METHOD: ClassVar[str]
    id: CommandId
    session_id: SessionId


class CreateSession(Command):
    """Open a session; its id is the command's unless another one is given."""

    METHOD: ClassVar[str] = "session.create"
    session_id: SessionId = ""
    title: Title = ""
    kind: Literal["chat"] = "chat"
    project: Annotated[str, StringConstraints(max_length=200)] = ""

    def model_post_init(self, _context: object) -> None:
        """A session that was not named has the command's id."""
        if not self.session_id:
            object.__setattr__(self, "session_id", self.id)


class RenameSession(Command):
    """Give a session another title."""

    METHOD: ClassVar[str] = "session.rename"
    title: Title


class ArchiveSession(Command):
    """Put a session away."""

    METHOD: ClassVar[str] = "session.archive"


class UnarchiveSession(Command):
    """Bring a session back into the list."""

    METHOD: ClassVar[str] = "session.unarchive"


class DeleteSession(Command):
    """Close a session and hide it from every list."""

    METHOD: ClassVar[str] = "session.delete"


class RestoreSession(Command):
    """Take the deletion back."""

    METHOD: ClassVar[str] = "session.restore"


class InviteParticipant(Command):
    """Make an invitation that is good for `ttl_s` seconds."""

    METHOD: ClassVar[str] = "session.invite"
    role: Literal["member", "viewer"] = "member"
    ttl_s: int = Field(INVITE_TTL_S, ge=60, le=365 * 24 * 3600)


class JoinSession(Command):
    """Enter a session with an invitation, whose token the gateway has already read and proved genuine."""

    METHOD: ClassVar[str] = "session.join"
    invite_id: CommandId


class LeaveSession(Command):
    """Leave a session."""

    METHOD: ClassVar[str] = "session.leave"


class RemoveParticipant(Command):
    """Take somebody out of the session."""

    METHOD: ClassVar[str] = "session.remove"
    user: UserId


class SetRole(Command):
    """Let somebody write, or only read."""

    METHOD: ClassVar[str] = "session.set_role"
    user: UserId
    role: Literal["member", "viewer"]


class CreateChat(Command):
    """Open a further chat; its id is the command's. With `unique_type`, only if there is none of its type."""

    METHOD: ClassVar[str] = "chat.create"
    name: Title = ""
    chat_type: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "discussion"
    unique_type: bool = False


class SendMessage(Command):
    """Post a message, to the active chat unless another is named. `reply`: ask the chat's agent to answer."""

    METHOD: ClassVar[str] = "message.send"
    chat_id: ChatId | None = None
    content: Annotated[str, StringConstraints(min_length=1, max_length=16_384)]
    metadata: Annotated[dict[str, Any], _up_to(METADATA_BYTES)] = {}
    parent: CommandId | None = None
    reply: bool = False


class TargetedCommand(Command):
    """Changes something that is there. With `expected_seq`, only if that is where it last changed."""

    expected_seq: int | None = Field(None, ge=0)


class EditMessage(TargetedCommand):
    """Let one's own message say something else."""

    METHOD: ClassVar[str] = "message.edit"
    message_id: CommandId
    content: Annotated[str, StringConstraints(min_length=1, max_length=16_384)]
    metadata: Annotated[dict[str, Any], _up_to(METADATA_BYTES)] | None = None


class RedactMessage(TargetedCommand):
    """Take back one's own message; the owner may take back any."""

    METHOD: ClassVar[str] = "message.redact"
    message_id: CommandId


class SubmitOperation(TargetedCommand):
    """Do something to a shared object. With `expected_seq` 0: only if nobody has before."""

    METHOD: ClassVar[str] = "operation.submit"
    kind: OperationKind
    target: ObjectId
    payload: Annotated[Any, _up_to(PAYLOAD_BYTES)] = None
