"""What another system held, in terms that all sources share. Times are UTC."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

OldRole = Literal["user", "assistant", "system", "tool"]
Status = Literal["active", "archived", "deleted"]


@dataclass(frozen=True, slots=True)
class OldMessage:
    """One message. `key` names its row in the source; `chat_key` is empty where sessions have no chats."""

    key: str
    at: datetime
    role: OldRole
    content: str
    author: str = ""
    author_name: str = ""
    chat_key: str = ""
    model: str = ""
    tokens: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OldSwitch:
    """Another agent took over."""

    key: str
    at: datetime
    agent: str
    previous: str = ""
    reason: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OldChat:
    """A chat of a session."""

    key: str
    at: datetime
    name: str = ""
    chat_type: str = "discussion"
    ai_context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OldSession:
    """One session with all that is not a message. `owner` is None where nobody is named."""

    key: str
    at: datetime
    owner: str | None = None
    title: str = ""
    instance: str = ""
    status: Status = "active"
    ended_at: datetime | None = None
    chats: tuple[OldChat, ...] = ()
    switches: tuple[OldSwitch, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that could not be taken, by its key, and why."""

    table: str
    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A message that is not the same in the source and in the log: by its key in the source, or its id in the log."""

    session_id: str
    key: str
    what: str


class Source(Protocol):
    """A database of another system. Nothing in it is changed."""

    name: str

    async def count(self) -> int | None:
        """How many messages there are, taken or not; None if that can't be known beforehand."""
        ...

    def strays(self) -> AsyncGenerator[Broken]:
        """Every row that belongs to no session, and is therefore not found by one."""
        ...

    def sessions(self) -> AsyncGenerator[OldSession | Broken]:
        """Every session, in the order of its key."""
        ...

    def messages(self, session: OldSession) -> AsyncGenerator[OldMessage | Broken]:
        """The session's messages, oldest first, those of one moment in the order of their keys."""
        ...
