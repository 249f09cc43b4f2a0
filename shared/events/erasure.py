"""Personal data that was taken out of the log, and the record of it."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from shared.events.base import Event, EventId

MAX_ERASED = 1000


class ContentErased(Event):
    """The bodies of the session's events at `seqs` are gone for good, from the log, the stream and every table.

    Their places, times and digests stay, so that the chain still verifies. `message_ids` are the messages whose content
    was in them: readers show a tombstone. The envelope's actor is who ordered it.
    """

    TYPE: ClassVar[str] = "content.erased.v1"
    seqs: list[int] = Field(min_length=1, max_length=MAX_ERASED)
    message_ids: list[EventId] = Field(default=[], max_length=MAX_ERASED)
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
