"""What a `content.erased` orders, read so that the log can carry it out: pure."""

from dataclasses import dataclass
from typing import Any

import orjson

from shared import subjects
from shared.events import ContentErased, decode

_NUL = "\x00"


class NoOrder(ValueError):
    """Nobody can carry it out, so it orders nothing."""


@dataclass(frozen=True, slots=True)
class Order:
    """The event at `seq` orders that bodies of its session are erased; `remains` stand in their places."""

    seq: int
    session_id: str
    remains: dict[int, bytes | None]


def order_of(seq: int, subject: str, body: bytes) -> Order:
    """What the `content.erased` in `body` orders.

    Raises:
        NoOrder, MalformedEventError, ValidationError: nothing. The database reads the positions in the body itself
            before it lets a row change, and stops at what it can't read: a NUL anywhere, positions that are no numbers.
    """
    event = ContentErased.model_validate(decode(seq, body).envelope.data)
    said = orjson.loads(body)
    if any(type(it) is not int for it in said["data"]["seqs"]) or (b"\\u0000" in body and _has_nul(said)):
        raise NoOrder(f"position {seq}: its positions are no numbers, or there is a NUL in it")
    left: dict[int, bytes | None] = dict.fromkeys(event.seqs)
    try:
        left |= {it.seq: orjson.dumps(it.body) for it in event.remains if it.body is not None and it.seq in left}
    except orjson.JSONEncodeError as error:
        raise NoOrder(f"position {seq}: {error}") from error
    return Order(seq, subjects.session_of(subject), left)


def _has_nul(it: Any) -> bool:
    if isinstance(it, dict):
        return any(_NUL in name or _has_nul(value) for name, value in it.items())
    return _NUL in it if isinstance(it, str) else isinstance(it, list) and any(map(_has_nul, it))
