"""How full the event stream is. Above a share of it new commands are refused, while what ends something still fits.

Ends of replies, erasures, cancels: without them a full system could not be put in order again. They come from services,
or from the commands named here. 15 % of the usual 64 GiB is room for tens of millions of them.
"""

from typing import Final

from shared import errors
from shared.logging import get_logger
from shared.session import Command
from shared.session.commands import RedactMessage, RemoveParticipant
from shared.session.replying import CancelReply

log = get_logger("room")

FULL: Final = 0.85
FILLING: Final = 0.7  # from here on the share is looked at every second
ALWAYS: Final = (CancelReply, RedactMessage, RemoveParticipant)


class Room:
    """As of the last look. `share`: of what the stream may hold, 0 to 1; 0 where there is no bound."""

    def __init__(self) -> None:
        self.share = 0.0

    @property
    def is_full(self) -> bool:
        """Whether new commands are refused."""
        return self.share >= FULL

    @property
    def is_filling(self) -> bool:
        """Whether it may be full before long."""
        return self.share >= FILLING

    def heard(self, share: float) -> None:
        """The server said so."""
        was_full, self.share = self.is_full, share
        if was_full != self.is_full:
            log.warning("events_full" if self.is_full else "events_have_room", share=round(share, 3))

    def admit(self, command: Command) -> None:
        """Returns if the command may become an event.

        Raises:
            Unavailable: the stream is nearly full; the same id may be sent again when there is room.
        """
        if self.is_full and not isinstance(command, ALWAYS):
            raise errors.Unavailable("the event stream is nearly full")
