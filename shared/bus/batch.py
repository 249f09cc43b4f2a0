"""Publishing several messages of one subject together: all of them, next to each other and in order, or none.

Source: NATS ADR-50 (atomic batch). Seen on nats-server 2.15: a message of the batch that is missing, or whose id is
known, refuses the whole batch; after a commit each id is known as if its message had been published alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import nats.errors
import orjson

from shared import ids, subjects
from shared.bus.client import NO_RESPONDERS, QuickClient

MAX_MESSAGES = 250  # the server takes 1,000
MAX_BYTES = 512 * 1024
_TRY_S = 1.0


class Message(NamedTuple):
    """What is published under `msg_id`, the key of its deduplication."""

    body: bytes
    msg_id: str
    headers: dict[str, str]


async def publish_together(client: QuickClient, subject: str, messages: Sequence[Message]) -> int | None:
    """One try. The seq of the first message, the others following without a gap.

    None: refused, or no acknowledgement came. Then the messages may be published one by one, in order and with their
    ids: should the batch still be stored, it is so before the first of them (same connection) or not at all (it holds
    an id that is known by then).
    """
    *first, last = messages
    batch_id = ids.uuid7()
    try:
        for number, message in enumerate(first, 1):
            client.put(subject, message.body, headers=_headers(message, batch_id, number))
        headers = {**_headers(last, batch_id, len(messages)), subjects.HEADER_BATCH_COMMIT: "1"}
        status, reply = await client.call(subject, last.body, _TRY_S, headers)
    except (nats.errors.Error, TimeoutError):
        return None
    if status.startswith(NO_RESPONDERS):
        return None
    answer = orjson.loads(reply)
    if "error" in answer or answer.get("count") != len(messages):
        return None
    return int(answer["seq"]) - len(messages) + 1


def _headers(message: Message, batch_id: str, number: int) -> dict[str, str]:
    return {
        **message.headers,
        subjects.HEADER_MSG_ID: message.msg_id,
        subjects.HEADER_BATCH_ID: batch_id,
        subjects.HEADER_BATCH_SEQUENCE: str(number),
    }
