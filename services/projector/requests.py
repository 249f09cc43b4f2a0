"""What can be asked of the projector. With `min_seq`, the answer waits until that position is applied."""

from pydantic import BaseModel, Field


class Request(BaseModel):
    """Every question."""

    min_seq: int = Field(0, ge=0)


class Snapshot(Request):
    """A session as it is."""

    session_id: str
    user: str = ""


class Sessions(Request):
    """A user's sessions, the latest first. `cursor` comes from the page before."""

    user: str
    cursor: str | None = Field(None, pattern=r"^\d{1,18}$")
    limit: int = Field(50, ge=1, le=200)
    include_archived: bool = False


class Target(Request):
    """A message or an object, as somebody who wants to change it must know it."""

    session_id: str
    message_id: str = ""
    target: str = ""


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
    """The newest messages up to a position, for a model."""

    session_id: str
    chat_id: str
    up_to_seq: int = Field(2**62, ge=0)
    limit: int = Field(50, ge=1, le=1000)


class OpenReplies(Request):
    """Replies without an end; only those asked for at least `older_than_s` seconds ago."""

    older_than_s: float = Field(0.0, ge=0)
    limit: int = Field(100, ge=1, le=1000)
