"""Who is in a session, and as what."""

from typing import ClassVar, Literal

from pydantic import Field

from shared.events.base import Event, EventId, UserId

Role = Literal["owner", "member", "viewer"]


class ParticipantInvited(Event):
    """Whoever holds the invitation may join. The invitation's id is this event's id."""

    TYPE: ClassVar[str] = "participant.invited.v1"
    role: Role = "member"
    expires_at: int = Field(description="Unix seconds")


class ParticipantJoined(Event):
    """A user entered the session. `guest`: as a guest."""

    TYPE: ClassVar[str] = "participant.joined.v1"
    user: UserId
    name: str = ""
    role: Role = "member"
    guest: bool = False
    invite_id: EventId


class ParticipantLeft(Event):
    """A user left the session by themselves."""

    TYPE: ClassVar[str] = "participant.left.v1"
    user: UserId


class ParticipantRemoved(Event):
    """The owner took a user out of the session; invitations made before do not let them in again."""

    TYPE: ClassVar[str] = "participant.removed.v1"
    user: UserId


class ParticipantRoleChanged(Event):
    """A participant may do more or less from here on."""

    TYPE: ClassVar[str] = "participant.role_changed.v1"
    user: UserId
    role: Literal["member", "viewer"]
