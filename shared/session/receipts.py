"""The command to say how far one has read, and its rule: only forward, and not beyond what is there."""

from typing import ClassVar

from pydantic import Field

from shared import errors
from shared.events import Event, ReceiptRead
from shared.session.commands import Command
from shared.session.decided import Actor, Decided
from shared.session.state import SessionState


class ReadUpTo(Command):
    """Say that one has read everything up to a position."""

    METHOD: ClassVar[str] = "receipt.read"
    EVENT: ClassVar[type[Event]] = ReceiptRead
    up_to_seq: int = Field(ge=1, lt=2**53)


def read(state: SessionState, command: ReadUpTo, actor: Actor) -> Decided | errors.Refused:
    """Viewers may, too."""
    if command.up_to_seq > state.seq:
        return errors.RuleBroken(f"the session is at seq {state.seq}")
    if command.up_to_seq <= state.receipts.get(actor.user, 0):
        return errors.RuleBroken(f"read up to seq {state.receipts[actor.user]} already")
    return Decided(ReceiptRead(user=actor.user, up_to_seq=command.up_to_seq))
