"""The texts of replies on their way, put together from chunks: pure. The durable end of a reply holds the whole text.

A chunk counts for a reply that is open in the session's state, of its highest attempt, and only for the text that is
not known yet. Positions count Unicode code points.
"""

from dataclasses import dataclass
from typing import Any, Literal

from shared.session import SessionState

MAX_CODE_POINTS = 262_144


@dataclass(slots=True)
class Text:
    """What one attempt at a reply has said so far."""

    chat_id: str
    attempt: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a reply's text. `position`: the code points before it."""

    reply_id: str
    chat_id: str
    attempt: int
    position: int
    text: str

    @classmethod
    def read(cls, raw: Any) -> "Chunk | None":
        """The chunk in decoded JSON; None if it is none."""
        if not isinstance(raw, dict):
            return None
        reply_id, chat_id, text = raw.get("reply_id"), raw.get("chat_id"), raw.get("text")
        attempt, position = raw.get("attempt"), raw.get("position")
        if isinstance(reply_id, str) and isinstance(chat_id, str) and isinstance(text, str):  # noqa: SIM102
            if isinstance(attempt, int) and isinstance(position, int) and position >= 0:
                return cls(reply_id, chat_id, attempt, position, text)
        return None

    def message(self) -> dict[str, Any]:
        """What clients see of it."""
        return {
            "type": "reply.delta",
            "reply_id": self.reply_id,
            "chat_id": self.chat_id,
            "attempt": self.attempt,
            "position": self.position,
            "text": self.text,
        }


Outcome = Chunk | Literal["ended", "superseded", "known", "beyond"]


class Replies:
    """The running texts of one session."""

    def __init__(self) -> None:
        self._texts: dict[str, Text] = {}

    def take(self, state: SessionState, chunk: Chunk) -> Outcome:
        """The chunk to hand on (the new part of it), or why there is none.

        "beyond": it starts after the text known here; the part before it has to be read first.
        """
        asked = state.open_replies.get(chunk.reply_id)
        if asked is None:
            return "ended"
        known = self._texts.get(chunk.reply_id)
        attempt = max(asked.attempt, known.attempt if known else 0)
        if chunk.attempt < attempt:
            return "superseded"
        if known is None or chunk.attempt > known.attempt:
            if chunk.position > 0:
                return "beyond"
            known = self._texts[chunk.reply_id] = Text(chunk.chat_id, chunk.attempt)
        if chunk.position > len(known.text):
            return "beyond"
        fresh = chunk.text[len(known.text) - chunk.position :]
        if not fresh or len(known.text) + len(fresh) > MAX_CODE_POINTS:
            return "known"
        position = len(known.text)
        known.text += fresh
        if position == chunk.position:
            return chunk
        return Chunk(chunk.reply_id, chunk.chat_id, chunk.attempt, position, fresh)

    def settle(self, state: SessionState) -> None:
        """Forgets the texts of replies that have ended and of attempts that were superseded."""
        for reply_id, known in list(self._texts.items()):
            asked = state.open_replies.get(reply_id)
            if asked is None or asked.attempt > known.attempt:
                del self._texts[reply_id]

    def running(self, state: SessionState) -> list[dict[str, Any]]:
        """Every open reply with its text so far, as a snapshot shows it."""
        rows = []
        for asked in state.open_replies.values():
            known = self._texts.get(asked.reply_id)
            rows.append(
                {
                    "reply_id": asked.reply_id,
                    "chat_id": asked.chat_id,
                    "purpose": asked.purpose,
                    "parent": asked.prompt_id,
                    "agent": asked.agent,
                    "attempt": known.attempt if known else asked.attempt,
                    "text": known.text if known else "",
                    "position": len(known.text) if known else 0,
                }
            )
        return rows
