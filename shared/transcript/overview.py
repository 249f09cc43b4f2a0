"""What a whole session came to, from its events: people, chats, sums, and what became of single messages."""

from dataclasses import dataclass, field
from typing import Any

from shared.events import (
    ContentErased,
    MessageEdited,
    MessagePosted,
    MessageRedacted,
    PlanFinalized,
    ReplyCompleted,
    ReplyFailed,
    SessionCreated,
    Track,
    Usage,
)
from shared.session import SessionState, evolve
from shared.transcript.entries import Item


@dataclass(slots=True)
class Totals:
    """Sums over a session."""

    messages: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float = 0.0

    def add(self, usage: Usage) -> None:
        """One more reply was paid for."""
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.cached_tokens += usage.cached_tokens
        self.cost_usd += usage.cost_usd or 0.0

    def as_json(self) -> dict[str, Any]:
        """By name; the cost in US dollars, to a millionth of a cent."""
        names = ("messages", "input_tokens", "output_tokens", "cached_tokens")
        return {name: getattr(self, name) for name in names} | {"cost_usd": round(self.cost_usd, 8)}


@dataclass(slots=True)
class Overview:
    """The first of two readings. `edits`: what an edited message says last, and since when."""

    state: SessionState
    events: int = 0
    track: Track | None = None
    totals: Totals = field(default_factory=Totals)
    edits: dict[str, tuple[str, str]] = field(default_factory=dict)
    redacted: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)

    def take(self, item: Item) -> None:
        """One more event, in order."""
        self.events += 1
        if item.recorded is None:
            return
        event, before = item.recorded.event, self.state
        self.state = evolve(before, item.recorded)
        match event:
            case SessionCreated() as e if not before.exists:
                self.track = e.track
            case MessagePosted() as e:
                self.totals.messages += 1
                self.totals.add(e.usage or Usage())
            case MessageEdited() as e if item.erased:
                self.erased.add(e.message_id)
                self.edits.pop(e.message_id, None)
            case MessageEdited() as e if e.message_id not in self.redacted:
                self.edits[e.message_id] = (e.content, item.time)
            case MessageRedacted() as e:
                self.redacted.add(e.message_id)
                self.edits.pop(e.message_id, None)
            case ContentErased() as e:
                self.erased.update(e.message_ids)
                for message_id in e.message_ids:
                    self.edits.pop(message_id, None)
            case ReplyCompleted() | PlanFinalized() | ReplyFailed() as e if e.reply_id in before.open_replies:
                self.totals.messages += isinstance(e, ReplyCompleted) and e.content != ""
                self.totals.add(e.usage)

    def as_json(self) -> dict[str, Any]:
        """The head of a transcript."""
        state = self.state
        people = [{"user": one.user, "name": one.name, "role": one.role} for one in state.participants.values()]
        chats = [{"chat_id": c.chat_id, "name": c.name, "chat_type": c.chat_type} for c in state.chats.values()]
        facts: dict[str, Any] = {"session_id": state.session_id, "title": state.title, "kind": state.kind}
        facts |= {"project": state.project, "owner": state.owner, "created_at": state.created_at, "at": state.seq}
        facts |= {"participants": people, "chats": chats, "totals": self.totals.as_json()}
        return facts | ({"track": self.track.model_dump(exclude_none=True)} if self.track else {})
