"""The Centrifuge client protocol as JSON: text in, commands out, and replies back to text. No I/O, no clock.

Source: centrifugal/protocol, `client.proto`; a frame holds JSON objects joined by newlines, zero values may be left
out, unknown fields are passed over.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from shared import errors
from shared.surrogates import mended

METHODS: Final = frozenset(
    {
        "connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats",
        "history", "rpc", "refresh", "sub_refresh", "send",
    }
)  # fmt: skip
PING: Final = b"{}"
MAX_ID: Final = 2**32 - 1


class ProtocolViolation(Exception):
    """What came is no command: the connection can't be understood any more."""


@dataclass(frozen=True, slots=True)
class ClientCommand:
    """One command. `method` is empty if it names none that exists; `params` is whatever JSON object came with it."""

    id: int
    method: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pong:
    """The client is still there."""


def decode(text: bytes) -> list[ClientCommand | Pong]:
    """The commands in one frame, in order.

    Raises:
        ProtocolViolation: not JSON objects, or a command without a positive id that needs one.
    """
    return [_command(line) for line in text.split(b"\n") if line and not line.isspace()]


def _command(line: bytes) -> ClientCommand | Pong:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = _mended(line)
    if not isinstance(value, dict):
        raise ProtocolViolation("not a JSON object")
    if not value:
        return Pong()
    method = next((key for key in value if key in METHODS), "")
    params = value.get(method) if method else None
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise ProtocolViolation(f"{method} is not a JSON object")
    number = value.get("id", 0)
    if type(number) is not int or not 0 <= number <= MAX_ID or (number == 0 and method != "send"):
        raise ProtocolViolation("a command needs a positive id")
    return ClientCommand(number, method, params)


def _mended(line: bytes) -> Any:
    """The value of JSON that names half of a surrogate pair, as scripts write a text that was cut inside an emoji. In
    its place comes U+FFFD, as where a browser sends such a text as it is. Source: RFC 8259, 8.2.
    """
    try:
        text = json.dumps(json.loads(line), ensure_ascii=False)
        return orjson.loads(mended(text))
    except (ValueError, RecursionError):
        raise ProtocolViolation("not JSON") from None


def reply(command_id: int, method: str, result: Mapping[str, Any] | orjson.Fragment) -> bytes:
    """The answer to a command. Parts that are JSON already come as `orjson.Fragment` and are copied, not parsed."""
    return orjson.dumps({"id": command_id, method: result})


def error_reply(command_id: int, error: errors.AntiphonError) -> bytes:
    """The answer to a command that was refused or failed."""
    body: dict[str, object] = {"code": error.code, "message": error.sentence()}
    if error.retryable:
        body["temporary"] = True
    return orjson.dumps({"id": command_id, "error": body})


def push(channel: str, kind: str, body: Mapping[str, Any] | orjson.Fragment) -> bytes:
    """What the server says by itself; `kind` is pub, join, leave, unsubscribe, disconnect or refresh."""
    return orjson.dumps({"push": {"channel": channel, kind: body}})


def publication(channel: str, data: bytes) -> bytes:
    """A push of one publication without a position; `data` is JSON already."""
    return push(channel, "pub", {"data": orjson.Fragment(data)})


def message(data: Mapping[str, Any]) -> bytes:
    """A push that belongs to no channel: what concerns the whole connection."""
    return orjson.dumps({"push": {"message": {"data": data}}})
