"""What an event's headers say of replies: workers follow the headers alone."""

from shared import subjects
from shared.events import Event, MessagePosted, ReplyCancelRequested, ReplyRequested, SessionCreated


def headers(event: Event, traceparent: str) -> dict[str, str]:
    """Which reply the event asks for or ends, and the trace it belongs to."""
    found = {subjects.HEADER_TRACEPARENT: traceparent} if traceparent else {}
    match event:
        case SessionCreated(reply_id=str(asked)) | MessagePosted(reply_id=str(asked)) | ReplyRequested(reply_id=asked):
            found[subjects.HEADER_REPLY_ID] = asked
        case ReplyCancelRequested(reply_id=cancelled):
            found[subjects.HEADER_REPLY_CANCEL] = cancelled
    return found
