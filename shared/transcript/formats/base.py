"""What every format is."""

from typing import ClassVar, Protocol

from shared.transcript.entries import Entry
from shared.transcript.overview import Overview


class Format(Protocol):
    """Turns a transcript into text, piece by piece; keeps nothing between the pieces but where it is.

    One instance writes one document.
    """

    MEDIA_TYPE: ClassVar[str]

    def begin(self, overview: Overview) -> str:
        """What comes before the first entry."""
        ...

    def entry(self, entry: Entry, overview: Overview) -> str:
        """One entry."""
        ...

    def end(self, overview: Overview) -> str:
        """What comes after the last one."""
        ...


def chat_name(overview: Overview, chat_id: str) -> str:
    """What people call the chat."""
    chat = overview.state.chats.get(chat_id)
    return (chat.name or chat_id) if chat else chat_id


def minute(time: str) -> str:
    """RFC 3339 as people read it, in UTC to the minute."""
    return time[:16].replace("T", " ")


def cost(entry: Entry) -> str:
    """What an answer cost, in words; empty if nothing is known."""
    facts, words = entry.facts, []
    if facts.get("model"):
        words.append(str(facts["model"]))
    tokens = facts.get("input_tokens", 0) + facts.get("output_tokens", 0)
    if tokens:
        words.append(f"{tokens:,} tokens" + (" (estimated)" if facts.get("estimated") else ""))
    if facts.get("cost_usd"):
        words.append(f"${facts['cost_usd']:.4f}")
    return " · ".join(words)
