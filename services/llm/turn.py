"""One attempt at a reply while it is written: what its writer is given, and what has come of it so far.

A reply may be broken off at any moment (somebody cancels it, the provider fails in the middle) and is then recorded
with what stands here. So the writer says its text by `add`, and keeps `model`, `agent` and `counted` true meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from services.llm.agents import Spec
from services.llm.context import Context, estimate_tokens
from shared.events import Event, PlanModule, Usage
from shared.events.replies import FinishReason, Purpose

Record = Callable[[Event, str], Awaitable[bool]]


async def _nothing(_event: Event, _what: str) -> bool:
    return True


@dataclass(slots=True)
class Turn:
    """What is asked of a model, and what it has said.

    `record(event, what)` adds an event to the session under an id made of the reply and `what`, and says whether it is
    there: not if somebody else is ahead of us with this reply.
    """

    spec: Spec
    context: Context
    on_text: Callable[[str], None]
    purpose: Purpose = "answer"
    chat_id: str = ""
    reply_id: str = ""
    user: str = ""  # who asked
    record: Record = _nothing
    model: str = ""  # who answers now: another one after a fallback
    agent: str = ""  # another one after a hand-over
    counted: Usage | None = None  # what the provider has counted so far
    ended: bool = False  # nothing is added any more
    pieces: list[str] = field(default_factory=list)
    started_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    first_at: float | None = None

    def __post_init__(self) -> None:
        self.model = self.model or self.spec.model
        self.agent = self.agent or self.spec.name

    def add(self, text: str) -> None:
        """More text."""
        if text and not self.ended:
            self.first_at = self.first_at or asyncio.get_running_loop().time()
            self.pieces.append(text)
            self.on_text(text)

    @property
    def text(self) -> str:
        """Everything that was said."""
        return "".join(self.pieces)

    @property
    def usage(self) -> Usage:
        """What it has cost so far; estimated unless the provider has counted."""
        if self.counted is not None:
            return self.counted
        said = self.text
        return Usage(input_tokens=self.context.tokens, output_tokens=estimate_tokens(said), estimated=True)

    @property
    def first_token_ms(self) -> int | None:
        """From the start to the first text."""
        return None if self.first_at is None else round((self.first_at - self.started_at) * 1000)

    @property
    def total_ms(self) -> int:
        """From the start until now."""
        return round((asyncio.get_running_loop().time() - self.started_at) * 1000)


@dataclass(frozen=True, slots=True)
class Answered:
    """The text is whole; it stands in the turn."""

    finish_reason: FinishReason


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan that a `finalize` comes to."""

    title: str
    summary: str
    modules: list[PlanModule]
