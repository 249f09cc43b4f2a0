"""Who has read how far."""

from typing import ClassVar

from pydantic import Field

from shared.events.base import Event, UserId


class ReceiptRead(Event):
    """A participant has read everything up to a position. Of two, the further one counts."""

    TYPE: ClassVar[str] = "receipt.read.v1"
    user: UserId
    up_to_seq: int = Field(ge=1)
