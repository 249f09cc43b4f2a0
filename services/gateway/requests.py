"""The parameters of each command of the client protocol. Unknown fields are passed over, missing ones are zero."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from services.gateway.publication import MAX_OFFSET
from shared import errors


class Params(BaseModel):
    """What all have in common. Texts hold no NUL: nothing here is named with one, and the read models can't hold it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @field_validator("*", mode="after")
    @classmethod
    def _no_nul(cls, value: Any) -> Any:
        if isinstance(value, str) and "\x00" in value:
            raise ValueError("must not hold a NUL")
        return value


class SubscribeRequest(Params):
    """`offset` and `epoch` count only with `recover`. `flag` bit 2: an error instead of a snapshot if that fails."""

    channel: str = ""
    recover: bool = False
    epoch: str = ""
    offset: int = Field(0, ge=0, le=MAX_OFFSET)
    flag: int = 0
    join_leave: bool = False


class ConnectRequest(Params):
    """`token` proves who it is. What the client says of itself is for the log."""

    token: str = ""
    name: str = Field("", max_length=64)
    version: str = Field("", max_length=64)


class ChannelRequest(Params):
    """Unsubscribe, presence, presence_stats."""

    channel: str = ""


class PublishRequest(Params):
    """A message into a channel."""

    channel: str = ""
    data: Any = None


class Since(Params):
    """A position; exclusive."""

    offset: int = Field(0, ge=0, le=MAX_OFFSET)
    epoch: str = ""


class HistoryRequest(Params):
    """`limit` 0 asks for the position only, -1 for as many as there may be."""

    channel: str = ""
    limit: int = Field(0, ge=-1)
    since: Since | None = None
    reverse: bool = False


class RpcRequest(Params):
    """A call by name."""

    method: str = ""
    data: Any = None


class RefreshRequest(Params):
    """A newer token of the same user."""

    token: str = ""


P = TypeVar("P", bound=BaseModel)


def parse(model: type[P], params: Any) -> P:
    """`params` as `model`.

    Raises:
        BadRequest: they are not; the detail names each field and what is wrong with it.
    """
    try:
        return model.model_validate({} if params is None else params)
    except ValidationError as error:
        raise errors.BadRequest(describe(error)) from None


def describe(error: ValidationError) -> str:
    """`field: what is wrong`, for each field, without repeating what was sent."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'data'}: {one['msg']}" for one in found[:10])
