"""What is left of erased events, in their places: the stream holds them no more, a later event tells of them."""

import orjson
from pydantic import ValidationError

from shared.bus.direct import Stored
from shared.events import ContentErased, Envelope

MALFORMED = b'{"malformed":true}'  # what nobody can parse, where others are told of it
_TYPE = ContentErased.TYPE.encode()


def told_in(body: bytes) -> dict[int, bytes]:
    """By position what is left of each event that this one says was erased; empty if it is no `content.erased`. Of one
    that was malformed nothing is left but its place.
    """
    if _TYPE not in body:
        return {}
    try:
        envelope = Envelope.model_validate_json(body)
        if envelope.type != ContentErased.TYPE:
            return {}
        event = ContentErased.model_validate(envelope.data)
    except ValidationError:
        return {}
    return {it.seq: MALFORMED if it.body is None else orjson.dumps(it.body) for it in event.remains}


def with_remains(events: list[Stored], after: int) -> list[Stored]:
    """The events, which are in order, and in their places what is left of those that they say were erased."""
    tellers = [event for event in events if _TYPE in event.body]
    if not tellers:
        return events
    here = {event.seq for event in events}
    left: dict[int, Stored] = {}
    for event in tellers:
        for seq, body in told_in(event.body).items():
            if after < seq < event.seq and seq not in here:
                left[seq] = Stored(seq, event.subject, body)
    return sorted([*events, *left.values()], key=lambda event: event.seq) if left else events
