"""What an event's headers say of replies: workers follow the headers alone."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import nats.errors

from shared import subjects
from shared.bus.client import QuickClient
from shared.events import Event, MessagePosted, ReplyCancelRequested, ReplyRequested, SessionCreated


def headers(event: Event, traceparent: str) -> dict[str, str]:
    """Which reply the event asks for or ends, and the trace it belongs to."""
    found = {subjects.HEADER_TRACEPARENT: traceparent} if traceparent else {}
    match event:
        case MessagePosted(reply_id=str(asked)) | SessionCreated(reply_id=str(asked)) | ReplyRequested(reply_id=asked):
            found[subjects.HEADER_REPLY_ID] = asked
        case ReplyCancelRequested(reply_id=cancelled):
            found[subjects.HEADER_REPLY_CANCEL] = cancelled
    return found


def tell(client: QuickClient, data: Mapping[str, Any]) -> None:
    """Workers look at once, if an event with this data is one that they wait for. Without the notice they look soon."""
    if data.get("reply_id"):
        with suppress(nats.errors.Error):
            client.put(subjects.REPLY_ASKED, b"")
