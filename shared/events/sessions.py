"""What happens to a session as a whole."""

from typing import ClassVar

from shared.events.base import Event


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
