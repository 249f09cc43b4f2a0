"""How old a command's id is, and whether the log knows it: what makes sending again safe after any time.

The bus forgets ids after ten minutes. An id is fresh if its time is between five minutes ago and a minute ahead of this
gateway's clock: the bus will recognise a repeat of it (10 >= 5 + 1, and four minutes for clocks that disagree).
An older one is published only once the log, being up to date, has said that it does not have it.
"""

import time
from typing import TYPE_CHECKING, Any

import nats.errors
from nats.js.errors import Error as JetStreamError

from shared import errors, ids, subjects

if TYPE_CHECKING:
    from services.gateway.sessions import Sessions

FRESH_MS = 5 * 60_000
AHEAD_MS = 60_000
DEADLINE_S = 3.0


class Freshness:
    """Answers for one gateway."""

    def __init__(self, sessions: "Sessions") -> None:
        self._sessions = sessions

    def is_fresh(self, event_id: str) -> bool:
        """Whether the bus would recognise the id.

        Raises:
            RuleBroken: its time is in the future. The message names this server's time.
        """
        now_ms = time.time_ns() // 1_000_000
        made_ms = ids.time_ms(event_id)
        if made_ms > now_ms + AHEAD_MS:
            raise errors.RuleBroken(f"the id's time is ahead of the server's, which is {now_ms} ms; make a new one")
        return made_ms >= now_ms - FRESH_MS and made_ms >= self._sessions.stream_created_ms

    async def stored_at(self, actor: str, event_id: str) -> int | None:
        """Where the log has the id; None if it has not, and would have.

        Raises:
            Unavailable: the log does not answer, or is behind by more than the bus remembers.
        """
        request = {"actor": actor, "id": event_id}
        answer: dict[str, Any] = await self._sessions.queries.ask("history", "exists", request, DEADLINE_S)
        if answer.get("exists"):
            return int(answer["seq"])
        head = answer["head"]
        if time.time_ns() - int(head["time_ns"] or 0) < FRESH_MS * 1_000_000:
            return None
        try:
            info = await self._sessions.bus.js.stream_info(subjects.EVENTS)
        except (nats.errors.Error, JetStreamError) as error:
            raise errors.Unavailable("the bus is away") from error
        if head["epoch"] != self._sessions.epoch or int(head["seq"]) < info.state.last_seq:
            raise errors.Unavailable("the log is behind")
        return None
