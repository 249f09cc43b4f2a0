"""What can be asked of the projector. With `min_seq`, the answer waits until that position is applied."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

Cursor = Annotated[str, StringConstraints(pattern=r"^\d{1,18}$")]


class Request(BaseModel):
    """Every question."""

    min_seq: int = Field(0, ge=0)


class Snapshot(Request):
    """A session as it is."""

    session_id: str
    user: str = ""


class AsOf(Request):
    """A session as it was after a position, or at a moment: exactly one of both; of its active chat or another."""

    session_id: str
    chat_id: str | None = None
    seq: int | None = Field(None, ge=1)
    time: AwareDatetime | None = None


class Sessions(Request):
    """A user's sessions, the latest first. `cursor` comes from the page before. `query`: words of title or messages."""

    user: str
    query: Annotated[str, StringConstraints(max_length=1000)] | None = None
    kind: str | None = None
    project: str | None = None
    cursor: Cursor | None = None
    limit: int = Field(50, ge=1, le=200)
    include_archived: bool = False
    with_chats: bool = False


class Session(Request):
    """One session."""

    session_id: str


class ChatOf(Request):
    """A chat, for somebody who does not know its session."""

    chat_id: str
    user: str


class ReplyOf(Request):
    """A reply, for somebody who does not know its session."""

    reply_id: str
    user: str


class Target(Request):
    """A message or an object, as somebody who wants to change it must know it."""

    session_id: str
    message_id: str = ""
    target: str = ""


class Revisions(Request):
    """One message."""

    session_id: str
    message_id: str


class Objects(Request):
    """Shared objects by name, those after `cursor`."""

    session_id: str
    cursor: str = ""
    limit: int = Field(50, ge=1, le=200)


class ChatHistory(Request):
    """Messages before a seq (the newest of them), after a seq (the oldest of them), or the newest."""

    session_id: str
    chat_id: str
    before: int | None = Field(None, ge=1)
    after: int | None = Field(None, ge=0)
    limit: int = Field(50, ge=1, le=200)


class ChatContext(Request):
    """The thread that ends with a message, for a model; without one, with the newest message up to a position.

    With `max_tokens`, no more than fits, at about four characters a token.
    """

    session_id: str
    chat_id: str
    message_id: str | None = None
    up_to_seq: int = Field(2**62, ge=0)
    limit: int = Field(50, ge=1, le=1000)
    max_tokens: int | None = Field(None, ge=1)


class Timeline(Request):
    """Agent switches of a session after a position."""

    session_id: str
    after: int = Field(0, ge=0)
    limit: int = Field(50, ge=1, le=200)


class OpenReplies(Request):
    """Replies without an end; only those asked for at least `older_than_s` seconds ago."""

    older_than_s: float = Field(0.0, ge=0)
    limit: int = Field(100, ge=1, le=1000)


class Period(Request):
    """From `since` on, and before `until`."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class Usage(Period):
    """What replies have cost, by what. Of one user's requests, or everybody's; in one session, or all."""

    by: Literal["chat", "chat_type", "model", "user", "day"] = "day"
    user: str | None = None
    session_id: str | None = None


class Spent(Request):
    """What a user has asked for since a moment, up to a position."""

    user: str
    since: AwareDatetime
    up_to_seq: int = Field(2**62, ge=0)
