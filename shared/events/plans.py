"""Tracks, and the plans that come of them."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.events.base import ChatId, Event, EventId, Title
from shared.events.replies import Usage

Text = Annotated[str, StringConstraints(max_length=4000)]


class Track(BaseModel):
    """What somebody wants to learn or to do, in their own words."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: Text = ""
    difficulty_level: Annotated[str, StringConstraints(max_length=64)] = ""
    estimated_duration_hours: float | None = Field(None, gt=0, le=100_000)
    user_expectations: Text = ""


class PlanModule(BaseModel):
    """One part of a plan."""

    model_config = ConfigDict(frozen=True)

    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: Text = ""
    hours: float = Field(gt=0, le=10_000)
    topics: list[Annotated[str, StringConstraints(min_length=1, max_length=200)]] = Field(min_length=1, max_length=100)


class PlanFinalized(Event):
    """The structured plan that a planning chat has come to. It ends the reply that was asked for it."""

    TYPE: ClassVar[str] = "plan.finalized.v1"
    reply_id: EventId
    chat_id: ChatId
    attempt: int = Field(ge=1)
    title: Title = ""
    summary: Text = ""
    modules: list[PlanModule] = Field(min_length=1, max_length=100)
    model: str
    agent: str = ""
    usage: Usage
    first_token_ms: int | None = Field(None, ge=0)
    total_ms: int = Field(0, ge=0)
