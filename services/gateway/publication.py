"""The bytes a client gets. An event's body is spliced into them as it is; nothing is parsed or serialised again."""

import orjson

MAX_OFFSET = 2**53 - 1  # what every client can tell apart from its neighbours

_TAGS = b',"tags":{"prev":"'


def publication(seq: int, prev: int, body: bytes) -> bytes:
    """A durable publication: the event, its offset, and the session's seq before it."""
    return b'{"data":%b,"offset":%d%b%d"}}' % (body, seq, _TAGS, prev)


def after(prev: int, publication: bytes) -> bytes:
    """The same publication of a reader that knows the event before it, at `prev`."""
    return b'%b%b%d"}}' % (publication[: publication.rindex(_TAGS)], _TAGS, prev)


def passing(body: bytes) -> bytes:
    """A publication that is never stored (a chunk of a reply, a typing notice): it has no offset."""
    return b'{"data":%b}' % body


def channel(session_id: str) -> str:
    """The channel of a session."""
    return f"session:{session_id}"


class Framer:
    """Frames of one session's channel: one complete push each, without a newline."""

    def __init__(self, session_id: str) -> None:
        self._head = b'{"push":{"channel":%b,"pub":' % orjson.dumps(channel(session_id))

    def frame(self, pub: bytes) -> bytes:
        """The push that carries a publication."""
        return self._head + pub + b"}}"
