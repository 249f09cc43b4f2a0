"""What a gateway remembers of a session: its state, which ids it has seen lately, and its newest events."""

import re
from bisect import bisect_right
from collections import OrderedDict, deque
from dataclasses import replace
from typing import Any

import orjson
from pydantic import ValidationError

from services.gateway.chain import Link
from shared.bus.erased import MALFORMED, told_in
from shared.events import CATALOGUE, Envelope, MessagePosted, Recorded, Unknown
from shared.session import SessionState, evolve

IDS = 1000  # ids kept a session: more than one sends within the duplicate window, or they are looked up
BASE_BYTES, LINK_BYTES, ID_BYTES = 6000, 150, 350  # estimates, held to within twice the truth by a test
RECENT_EVENTS = 1000  # as much as one answer to who comes back may carry
RECENT_BYTES = 512 * 1024
GENEROUS = 4
_PLAIN = MessagePosted.TYPE
_PLAIN_BODY = re.compile(  # as `shared.events.attributes` writes them; all others are parsed
    rb'\{"specversion":"1\.0","id":"([^"\\]+)","source":"[^"\\]*","type":"%b","subject":"[^"\\]*","time":"[^"\\]*",'
    rb'"datacontenttype":"application/json","actor":"([^"\\]+)",' % re.escape(_PLAIN.encode())
)


class Fold:
    """Fed with every event once, in order. Most are plain messages, which change nothing but the position."""

    def __init__(self, session_id: str) -> None:
        self._state = SessionState(session_id)  # its seq is brought up to date when somebody looks
        self._seq = 0
        self.erased: set[int] = set()  # where the stream has nothing any more, and the log what was left
        self._ids: OrderedDict[tuple[bytes, bytes], int] = OrderedDict()  # by actor and id
        self._recent: deque[Link] = deque()
        self._recent_bytes = 0
        self._most, self._most_bytes = RECENT_EVENTS, RECENT_BYTES

    @property
    def state(self) -> SessionState:
        """The session after the last event."""
        if self._state.seq != self._seq:
            self._state = replace(self._state, seq=self._seq)
        return self._state

    @property
    def facts(self) -> SessionState:
        """The session as it is, but for its seq, which may be an earlier one. The same object if nothing changed."""
        return self._state

    def apply(self, *links: Link) -> None:
        """Takes in events, the oldest first."""
        seen, match = self._ids, _PLAIN_BODY.match
        self._recent.extend(links)
        self._recent_bytes += sum(len(link.body) for link in links)
        for seq, _, body in links:
            if (plain := match(body)) and b'"reply_id"' not in body:
                event_id, actor = plain.groups()
                seen[actor, event_id] = seq
            elif (raw := _parse(body)) is not None:
                seen[str(raw.get("actor")).encode(), str(raw.get("id")).encode()] = seq
                if not _is_plain_message(raw):
                    self._take(seq, raw, body)
            if len(seen) > IDS:
                seen.popitem(last=False)
            self._seq = seq
        self._trim()

    def _take(self, seq: int, raw: dict[str, Any], body: bytes) -> None:
        """What is no plain message: it may change the state, or tell of what was erased."""
        if left := told_in(body):
            self.erased.update(left)
            self._forget(left)
        recorded = _recorded(seq, raw)
        if recorded is not None:
            self._state = evolve(self._state, recorded)

    def be_generous(self, generous: bool) -> None:
        """While it is, more of the newest events are kept: who comes back after a gateway died asks for many."""
        factor = GENEROUS if generous else 1
        self._most, self._most_bytes = RECENT_EVENTS * factor, RECENT_BYTES * factor
        self._trim()

    @property
    def memory_bytes(self) -> int:
        """About how much memory this holds."""
        state = self.state
        things = len(state.participants) + len(state.chats) + len(state.open_replies) + len(state.invites) // 2
        return (
            BASE_BYTES
            + self._recent_bytes
            + LINK_BYTES * len(self._recent)
            + ID_BYTES * len(self._ids)
            + 600 * things
            + 60 * len(self.erased)
        )

    def seq_of(self, actor: str, event_id: str) -> int | None:
        """Where an id of `actor` is among the newest thousand, if it is."""
        return self._ids.get((actor.encode(), event_id.encode()))

    def body_at(self, seq: int) -> bytes | None:
        """The event at `seq`, if it is among the newest."""
        return next((link.body for link in self._recent if link.seq == seq), None)

    @property
    def recent(self) -> tuple[Link, ...]:
        """The newest events, in order; all there ever were if the first has no `prev`."""
        return tuple(self._recent)

    def recent_after(self, seq: int) -> list[Link] | None:
        """Every event after `seq`; None if not all of them are in memory."""
        if seq >= self._seq:
            return []
        if not self._recent or seq < self._recent[0].prev:
            return None
        links = list(self._recent)
        return links[bisect_right(links, seq, key=lambda link: link.seq) :]

    def _forget(self, left: dict[int, bytes]) -> None:
        self._recent = deque(
            Link(link.seq, link.prev, left[link.seq]) if link.seq in left else link for link in self._recent
        )
        self._recent_bytes = sum(len(link.body) for link in self._recent)

    def _trim(self) -> None:
        while self._recent and (len(self._recent) > self._most or self._recent_bytes > self._most_bytes):
            self._recent_bytes -= len(self._recent.popleft().body)


def _parse(body: bytes) -> dict[str, Any] | None:
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return raw if isinstance(raw, dict) else None


def _is_plain_message(raw: dict[str, Any]) -> bool:
    if raw.get("type") != _PLAIN:
        return False
    data = raw.get("data")
    return isinstance(data, dict) and not data.get("reply_id")


def _recorded(seq: int, raw: dict[str, Any]) -> Recorded | None:
    """The event without a second parse. One that is malformed keeps its place and means nothing; history parks it."""
    try:
        envelope = Envelope.model_validate(raw)
        return Recorded(seq, envelope, CATALOGUE.get(envelope.type, Unknown).model_validate(envelope.data))
    except ValidationError:
        return None


def deliverable(link: Link) -> Link:
    """With a body that may be spliced into a frame: what its producer made, unless that would break the framing."""
    body = link.body
    if body[:1] == b"{" and body[-1:] == b"}" and b"\n" not in body:
        return link
    raw = _parse(body)
    return Link(link.seq, link.prev, orjson.dumps(raw) if raw is not None else MALFORMED)
