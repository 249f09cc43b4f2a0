"""What reading over HTTP answers besides sessions and messages: events, sums, lists. For the document, as `answers`."""

from typing import Any

from pydantic import BaseModel, Field

from services.gateway.api.answers import Message, Switch, Tokens
from shared.events import Envelope


class Publication(BaseModel):
    """An event at its position; `tags.prev` is the seq of the one before it in the session."""

    data: Envelope
    offset: int
    tags: dict[str, str]


class EventPage(BaseModel):
    """Consecutive events. `offset` is where the page ends: the next one's `after`."""

    events: list[Publication]
    offset: int
    epoch: str
    more: bool


class MessageCount(BaseModel):
    """Messages, and by whom they are."""

    total: int
    by_role: dict[str, int]


class ReplyCount(BaseModel):
    """What became of replies."""

    completed: int
    failed: int
    cancelled: int


class Stats(Tokens):
    """Counts of a session."""

    messages: MessageCount
    chats: int
    participants: int
    cost_usd: float | None
    replies: ReplyCount
    last_message: Message | None
    created_at: str
    last_activity: str
    at: int


class Timeline(BaseModel):
    """Which agent took over when, oldest first."""

    switches: list[Switch]
    more: bool
    at: int


class SharedObject(BaseModel):
    """A shared object as its last operation left it."""

    target: str
    kind: str
    payload: Any
    author: str
    seq: int
    time: str


class ObjectPage(BaseModel):
    """A page of shared objects; `cursor` leads to the next one, null at the end."""

    objects: list[SharedObject]
    cursor: str | None
    at: int


class Revision(BaseModel):
    """What a message said from `seq` on."""

    seq: int
    time: str
    author: str
    content: str
    metadata: dict[str, Any]


class Revisions(BaseModel):
    """What a message has said, the first version first."""

    revisions: list[Revision]
    more: bool
    at: int


class Agent(BaseModel):
    """Somebody who may answer."""

    name: str
    title: str
    description: str
    model: str
    hands_over_to: list[str]


class Agents(BaseModel):
    """Who may answer, and who does where none was chosen: by type of chat, and else."""

    agents: list[Agent]
    defaults: dict[str, str]
    default: str


class Sum(Tokens):
    """What replies have taken."""

    replies: int
    cost_usd: float | None


class KeyedSum(Sum):
    """Of one group."""

    key: str


class UsageReport(BaseModel):
    """Sums by group, and of all."""

    rows: list[KeyedSum]
    total: Sum
    more: bool
    at: int


class Day(BaseModel):
    """How many planning chats were opened on a day (UTC)."""

    day: str
    chats: int


class Times(BaseModel):
    """Seconds; null where there is no plan."""

    mean: float | None
    median: float | None
    p90: float | None


class Planning(BaseModel):
    """How planning chats went. A return is a user's message after eight hours of silence in a chat without a plan."""

    days: list[Day]
    chats: int
    finalized: int
    unfinished: int
    messages: int
    tokens: int
    tokens_per_message: float | None
    time_to_plan_s: Times
    returns: int
    returned: int = Field(description="Chats that saw a return")
    at: int


class ModelTest(BaseModel):
    """Whether the model answers; `reason` and `message` if not. The latency is that of the first token."""

    ok: bool
    model: str
    latency_ms: int
    reason: str | None = None
    message: str | None = None
