"""What every event is: a frozen fact with a versioned wire name, inside a CloudEvents 1.0 envelope.

Source: CloudEvents 1.0.2, 3.1 (context attributes) and JSON format 1.0.2, 3 (structured mode).
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

EventId = Annotated[str, StringConstraints(min_length=36, max_length=36)]
SessionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
ChatId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
UserId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Title = Annotated[str, StringConstraints(max_length=200)]
Content = Annotated[
    str, StringConstraints(max_length=262_144)
]  # characters; what a person may type is the command's rule


class Event(BaseModel):
    """A fact about one session. Old versions are read for ever; a change of meaning is a new TYPE."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]


class Unknown(Event):
    """A fact of a type that this release does not know: it is kept, delivered and passed over."""

    TYPE: ClassVar[str] = ""


class Envelope(BaseModel):
    """The body of one message on EVENTS, one JSON object.

    `nonce` is 128 random bits (hex) that make the digest of a short body unguessable once the body is erased.
    `time` is RFC 3339 in UTC; `actor` is a user id, or `svc/<name>` for what a service did by itself.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: EventId
    source: str
    type: str
    subject: SessionId
    time: str
    datacontenttype: Literal["application/json"] = "application/json"
    actor: str
    actorname: str = ""
    correlationid: str = ""
    causationid: str = ""
    traceparent: str = ""
    nonce: str = Field(min_length=32, max_length=32)
    data: dict[str, Any]
