"""Personal data that was taken out of the log, and the record of it."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.events.base import Event, EventId

MAX_ERASED = 1000
Position = Annotated[int, Field(ge=1, lt=2**63)]


class Remains(BaseModel):
    """What is left of an erased event: its place, the SHA-256 (hex) of its body, and its body without what was said.

    `time_ns` is the stream's time, Unix nanoseconds. `body` is None where the body was no event.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    seq: Position
    time_ns: int = Field(ge=0, lt=2**63)
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    body: dict[str, Any] | None = None


class ContentErased(Event):
    """The bodies of the session's events at `seqs` are gone for good, from the log, the stream and every table.

    Their places, times and digests stay, so that the chain still verifies. `message_ids` are the messages whose content
    was in them: readers show a tombstone. `remains` are what stands in their places, in the order of `seqs`. The
    envelope's actor is who ordered it.
    """

    TYPE: ClassVar[str] = "content.erased.v1"
    seqs: list[Position] = Field(min_length=1, max_length=MAX_ERASED)
    message_ids: list[EventId] = Field(default=[], max_length=MAX_ERASED)
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    remains: list[Remains] = Field(default=[], max_length=MAX_ERASED)
