"""What is told about sessions and their use: counts, the past, the cost. Operators may ask across users."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from services.gateway.access import answerable_for, inspectable, only_operators
from services.gateway.context import Caller, Gateway
from services.gateway.publication import MAX_OFFSET
from services.gateway.reading import PAGE, PROJECTOR, Limit, SessionRequest
from services.gateway.requests import Params, parse
from services.gateway.writing import located
from shared.events.base import ChatId, EventId, SessionId, UserId


class TimelineRequest(SessionRequest):
    """`after`: the seq of the last entry of the page before."""

    after: int = Field(0, ge=0, le=MAX_OFFSET)
    limit: Limit = PAGE


class AtRequest(SessionRequest):
    """A position, or a moment (RFC 3339, with its zone); the messages of the chat that was active, or of another."""

    chat_id: ChatId | None = None
    seq: int | None = Field(None, ge=1, le=MAX_OFFSET)
    time: AwareDatetime | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.seq is None) == (self.time is None):
            raise ValueError("either seq or time is needed")
        return self


class RevisionsRequest(SessionRequest):
    """One message."""

    message_id: EventId


class PeriodRequest(Params):
    """From `since` (inclusive) to `until` (exclusive); RFC 3339, with their zones."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.since and self.until and self.since >= self.until:
            raise ValueError("since must be before until")
        return self


class UsageRequest(PeriodRequest):
    """`user`: whose. An operator who names nobody means everybody; for all others it is their own."""

    by: Literal["chat", "chat_type", "model", "user", "day"] = "day"
    user: UserId | None = None
    session_id: SessionId | None = None


async def session_stats(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """How much was said in a session, by whom, and what it took."""
    return await _of_session(gateway, caller, "stats", parse(SessionRequest, data))


async def session_timeline(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """A page of a session's agent switches, the first ones first."""
    return await _of_session(gateway, caller, "timeline", parse(TimelineRequest, data))


async def session_at(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """A session as it was: the snapshot that a participant would have got then."""
    return await _of_session(gateway, caller, "at", parse(AtRequest, data))


async def message_revisions(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """What a message has said, from the first version to the present one."""
    request = parse(RevisionsRequest, await located(gateway, caller, data))
    return await _of_session(gateway, caller, "revisions", request)


async def usage(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """Replies, tokens and cost, grouped."""
    request = parse(UsageRequest, data)
    question = _json(request)
    if request.user is not None or not caller.identity.operator:
        question["user"] = answerable_for(caller.identity, request.user)
    if request.session_id is not None:
        async with inspectable(gateway, request.session_id, caller.identity) as feed:
            question["min_seq"] = feed.last
    answer: dict[str, Any] = await gateway.queries.ask(PROJECTOR, "usage", question)
    return answer


async def planning_analytics(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """How planning goes, over everybody's planning chats."""
    only_operators(caller.identity)
    answer: dict[str, Any] = await gateway.queries.ask(PROJECTOR, "analytics", _json(parse(PeriodRequest, data)))
    return answer


async def _of_session(gateway: Gateway, caller: Caller, name: str, request: SessionRequest) -> dict[str, Any]:
    """The projector's answer about a session that the caller may inspect, with all that happened there so far in it."""
    async with inspectable(gateway, request.session_id, caller.identity) as feed:
        question = {**_json(request), "min_seq": feed.last}
    answer: dict[str, Any] = await gateway.queries.ask(PROJECTOR, name, question)
    return answer


def _json(request: Params) -> dict[str, Any]:
    """The question as it travels: moments in RFC 3339, what was left out left out."""
    given = request.model_dump(exclude_none=True)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()}
