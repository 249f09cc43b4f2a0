"""Publishing an event: once, whatever is retried; strictly, where a rule must hold exactly.

Which answers mean what (nats-server 2.15, one node and three): 10071 and 10164 an expectation failed; 10158 the same
id is being stored right now; 10077 and 10023 storage is full; 10054 too large; no responders and timeouts: unknown.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import NamedTuple

import nats.errors
import orjson
from nats.js import JetStreamContext
from nats.js.errors import APIError, NoStreamResponseError

from shared import errors, subjects
from shared.bus.client import NO_RESPONDERS, QuickClient

_CONFLICT = {10071, 10164}
_FULL = {10077, 10023}
_TOO_LARGE = 10054
_RETRY_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6, 1.6, 1.6)
_DEADLINE_S = 10.0
_TRY_S = 1.0


class Published(NamedTuple):
    """The bus has it for good, at `seq`. `duplicate`: it had it before."""

    seq: int
    duplicate: bool


class Moved(Exception):
    """The subject has moved on since the expectation."""

    def __init__(self, actual_seq: int | None) -> None:
        self.actual_seq = actual_seq
        super().__init__(f"the subject has moved on, to {actual_seq}")


class QuickStream:
    """Publishes with acknowledgement as a JetStream context does, by a client's short way."""

    def __init__(self, client: QuickClient) -> None:
        self._client = client

    def post(self, subject: str, body: bytes, headers: Mapping[str, str]) -> "asyncio.Future[tuple[bytes, bytes]]":
        """One try; `acknowledged` reads what the future gets, which raises TimeoutError if that does not come in time.

        Raises:
            nats.errors.Error: it can't be sent now.
        """
        return self._client.call(subject, body, _TRY_S, headers)

    async def publish(self, subject: str, body: bytes, *, headers: Mapping[str, str], timeout: float) -> Published:
        """One try.

        Raises:
            TimeoutError, nats.errors.Error: the outcome is unknown, or it was refused (APIError).
        """
        return acknowledged(*await self._client.call(subject, body, timeout, headers))


def acknowledged(headers: bytes, body: bytes) -> Published:
    """What the reply to a publish says.

    Raises:
        NoStreamResponseError, APIError: it is no acknowledgement.
    """
    if headers.startswith(NO_RESPONDERS):
        raise NoStreamResponseError
    answer = orjson.loads(body)
    if "error" in answer:
        APIError.from_error(answer["error"])
    return Published(int(answer["seq"]), bool(answer.get("duplicate")))


async def publish(
    js: JetStreamContext | QuickStream,
    subject: str,
    body: bytes,
    *,
    msg_id: str,
    headers: dict[str, str] | None = None,
    expected_seq: int | None = None,
    deadline_s: float = _DEADLINE_S,
) -> Published:
    """Publish under `msg_id` until the bus acknowledges. An unknown outcome is tried again with the same id.

    Raises:
        Moved: `expected_seq` is not the subject's last seq (which may be one's own earlier try: look before deciding).
        Unavailable: no acknowledgement within `deadline_s`; the message may still come to be stored under its id.
        TooLarge: above the bus's limit.
    """
    all_headers = {**(headers or {}), subjects.HEADER_MSG_ID: msg_id}
    if expected_seq is not None:
        all_headers[subjects.HEADER_EXPECTED_LAST] = str(expected_seq)
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + deadline_s
    for pause_s in _RETRY_PAUSES_S:
        left_s = ends_at - loop.time()
        if left_s <= 0:
            break
        try:
            ack = await js.publish(subject, body, headers=all_headers, timeout=min(_TRY_S, left_s))
            return Published(int(ack.seq or 0), bool(ack.duplicate))
        except APIError as error:
            _raise_if_final(error)
        except nats.errors.MaxPayloadError as error:
            raise errors.TooLarge(str(error)) from None
        except (
            TimeoutError,
            nats.errors.TimeoutError,
            nats.errors.NoRespondersError,
            NoStreamResponseError,
            nats.errors.OutboundBufferLimitError,
        ):
            pass
        except nats.errors.Error as error:
            raise errors.Unavailable(str(error)) from error
        await asyncio.sleep(max(0.0, min(pause_s, ends_at - loop.time())))
    raise errors.Unavailable("the bus does not acknowledge")


def _raise_if_final(error: APIError) -> None:
    if error.err_code in _CONFLICT:
        actual = re.search(r"(\d+)\s*$", error.description or "")
        raise Moved(int(actual.group(1)) if actual else None) from None
    if error.err_code in _FULL:
        raise errors.Unavailable("the bus's storage is full") from None
    if error.err_code == _TOO_LARGE:
        raise errors.TooLarge(error.description or "") from None
