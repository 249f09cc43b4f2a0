"""What happens to a session as a whole."""

from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from shared.events.base import ChatId, Event, EventId, Title, UserId
from shared.events.chats import ChatType
from shared.events.plans import Track

Key = Annotated[str, StringConstraints(max_length=200)]


class SessionCreated(Event):
    """Somebody opened a session. They own it, and its first chat is there at once.

    Without an owner it was imported from a place where nobody was named. A session of kind `track` has the track, and
    its planning chat opens with the reply `reply_id`. `key`: the instance or place it is the owner's session for.
    `owner_guest`: the owner was a guest then.
    """

    TYPE: ClassVar[str] = "session.created.v1"
    owner: UserId | None = None
    owner_name: str = ""
    owner_guest: bool = False
    chat_id: ChatId
    chat_name: Title = ""
    chat_type: ChatType | None = None
    title: Title = ""
    kind: Literal["chat", "track"] = "chat"
    project: str = ""
    key: Key = ""
    track: Track | None = None
    reply_id: EventId | None = None


class SessionRenamed(Event):
    """A session has another title."""

    TYPE: ClassVar[str] = "session.renamed.v1"
    title: Title


class SessionArchived(Event):
    """A session was put away: it is listed only where that is asked for, and works as before."""

    TYPE: ClassVar[str] = "session.archived.v1"


class SessionUnarchived(Event):
    """A session that was put away is back in the list."""

    TYPE: ClassVar[str] = "session.unarchived.v1"


class SessionDeleted(Event):
    """The owner deleted the session: nobody writes into it any more, and no list shows it. It can be restored."""

    TYPE: ClassVar[str] = "session.deleted.v1"


class SessionRestored(Event):
    """The owner took the deletion back."""

    TYPE: ClassVar[str] = "session.restored.v1"
