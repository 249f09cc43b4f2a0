"""A proof of one session: pure. Lines of JSON that anybody can check who has the public key, and nothing else.

The first line says which session, from which position on, and the hash before it. Then comes one line for every
position up to a signed checkpoint: with the body where it is of this session, else with SHA-256 of subject and body.
The last line is the checkpoint. A position whose subject has the digest of this session's can't be shown as another's,
and none can be left out without breaking the chain: so nothing of the session is missing between the two ends.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from services.history import chain, checkpoint
from services.history.chain import GENESIS, Anchor, Link
from services.history.checkpoint import Checkpoint
from shared import subjects
from shared.events import ContentErased, decode

FORMAT = 1
_PLACE = {"seq", "epoch", "time_ns"}
_OWN = ({"body"}, {"body_b64"}, {"erased"})
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CREATED = "session.created."


class Refused(ValueError):
    """The proof proves nothing."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")


@dataclass(frozen=True, slots=True)
class Proven:
    """These were the session's events from position `first` up to the checkpoint: `events` of them, no other.

    `whole`: every position from 1 on was shown; else the first one shown is the session's creation. `erased` are
    positions whose body a later event of the session says was erased; `without_body` are those where none does, so that
    it is withheld. Of both the digests are proven, and that they were there.
    """

    session_id: str
    first: int
    last_event: int
    events: int
    without_body: tuple[int, ...]
    erased: tuple[int, ...]
    whole: bool
    checkpoint: Checkpoint


def head_line(session_id: str, before: Anchor) -> bytes:
    """The first line: the proof begins behind `before`."""
    said = {"antiphon_proof": FORMAT, "session": session_id, "from": before.seq + 1, "before": before.hash.hex()}
    return orjson.dumps(said) + b"\n"


def position_line(session_id: str, row: Link) -> bytes:
    """The line of a position: its body if it is of this session, else digests."""
    said: dict[str, Any] = {"seq": row.seq, "epoch": row.epoch, "time_ns": row.time_ns}
    if row.subject != subjects.event(session_id):
        said |= {"subject_digest": chain.digest(row.subject.encode()).hex(), "body_digest": row.body_digest.hex()}
    elif row.body is None:
        said |= {"erased": row.body_digest.hex()}
    else:
        try:
            said |= {"body": row.body.decode()}
        except UnicodeDecodeError:
            said |= {"body_b64": b64encode(row.body).decode()}
    return orjson.dumps(said) + b"\n"


def last_line(it: Checkpoint) -> bytes:
    """The last line."""
    return orjson.dumps({"checkpoint": checkpoint.to_json(it)}) + b"\n"


def begins(body: bytes | None) -> bool:
    """Whether this event is the beginning of a session, so that nothing of it can lie before."""
    try:
        return body is not None and str(orjson.loads(body)["type"]).startswith(_CREATED)
    except (ValueError, LookupError, TypeError):
        return False


def check(lines: Iterable[bytes], *public_keys: bytes) -> Proven:
    """What the proof proves, if the owner of one of the keys signed its checkpoint. Lines are read once, one at a time.

    Raises:
        Refused: it proves nothing, with the line where that shows.
    """
    number = 0
    checker: _Checker | None = None
    for number, line in enumerate(lines, start=1):
        try:
            said = orjson.loads(line)
            if orjson.dumps(said) + b"\n" != line:
                raise _Wrong("this line can be read in two ways")  # a key twice, say: readers would see another proof
            if checker is None:
                checker = _Checker(said)
            elif "checkpoint" in said:
                checker.ends(said, *public_keys)
            else:
                checker.position(said)
        except Refused:
            raise
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            raise Refused(number, _sentence(error)) from error
    if checker is None or checker.proven is None:
        raise Refused(number, "the proof has no end: its checkpoint is missing")
    return checker.proven


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, checkpoint.Unusable | _Wrong) else "this is no line of a proof"


class _Wrong(ValueError):
    """A line that can be read and is not right."""


class _Checker:
    def __init__(self, said: dict[str, Any]) -> None:
        if set(said) != {"antiphon_proof", "session", "from", "before"} or said["antiphon_proof"] != FORMAT:
            raise _Wrong("this is no proof, or one of another release")
        if not _SESSION.fullmatch(said["session"]):
            raise _Wrong("the session's id is none")  # it will be shown in a terminal
        self._session_id = said["session"]
        self._subject_digest = chain.digest(subjects.event(self._session_id).encode())
        self._first = _number(said["from"])
        self._at = Anchor(self._first - 1, _digest(said["before"]))
        self._whole = self._first == 1
        if self._whole and self._at.hash != GENESIS:
            raise _Wrong("nothing lies before the first position")
        self._events = 0
        self._last_event = 0
        self._without: dict[int, str] = {}
        self._erased: list[int] = []
        self.proven: Proven | None = None

    def position(self, said: dict[str, Any]) -> None:
        if self.proven is not None:
            raise _Wrong("something follows the checkpoint")
        if _number(said["seq"]) != self._at.seq + 1:
            raise _Wrong(f"position {self._at.seq + 1} is missing")
        seq, rest = said["seq"], set(said) - _PLACE
        body = None
        if rest == {"subject_digest", "body_digest"}:
            subject_digest, body_digest = _digest(said["subject_digest"]), _digest(said["body_digest"])
            if subject_digest == self._subject_digest:
                raise _Wrong(f"position {seq} is of this session, and its body is left out")
            if not self._whole and not self._events:
                raise _Wrong("it begins neither at position 1 nor with the session's creation")
        elif rest in _OWN:
            body = _body(said)
            subject_digest = self._subject_digest
            body_digest = _digest(said["erased"]) if body is None else chain.digest(body)
            self._own(seq, body, body_digest)
        else:
            raise _Wrong("this is no line of a proof")
        epoch, time_ns = said["epoch"], _number(said["time_ns"], 0)
        self._at = Anchor(seq, chain.link_digests(self._at.hash, epoch, seq, time_ns, subject_digest, body_digest))

    def _own(self, seq: int, body: bytes | None, body_digest: bytes) -> None:
        if not self._events and not self._whole and not begins(body):
            raise _Wrong("it begins neither at position 1 nor with the session's creation")
        self._events += 1
        self._last_event = seq
        if body is None:
            self._without[seq] = body_digest.hex()
            return
        for place, digest in _ordered(body).items():
            if self._without.get(place) == digest:
                del self._without[place]
                self._erased.append(place)

    def ends(self, said: dict[str, Any], *public_keys: bytes) -> None:
        if self.proven is not None or set(said) != {"checkpoint"}:
            raise _Wrong("this is no line of a proof")
        it = checkpoint.from_json(said["checkpoint"])
        checkpoint.check(it, *public_keys)
        if it.anchor != self._at:
            raise _Wrong(f"the chain does not lead to the checkpoint: not what was logged up to {self._at.seq}")
        if not self._events:
            raise _Wrong("it holds no event of the session")
        without, erased = tuple(self._without), tuple(sorted(self._erased))
        counted = (self._first, self._last_event, self._events)
        self.proven = Proven(self._session_id, *counted, without, erased, self._whole, it)


def _ordered(body: bytes) -> dict[int, str]:
    """By position the digest of each event that this one says was erased."""
    if ContentErased.TYPE.encode() not in body:
        return {}
    try:
        envelope = decode(1, body).envelope
        if envelope.type != ContentErased.TYPE:
            return {}
        return {it.seq: it.digest for it in ContentErased.model_validate(envelope.data).remains}
    except ValueError:
        return {}


def _number(it: object, least: int = 1) -> int:
    if type(it) is not int or not least <= it < 2**63:
        raise _Wrong("a number is none")
    return it


def _digest(it: str) -> bytes:
    found = bytes.fromhex(it)
    if len(found) != 32 or found.hex() != it:
        raise _Wrong("a digest is none")
    return found


def _body(said: dict[str, Any]) -> bytes | None:
    if "body" in said:
        return bytes(said["body"].encode())
    if "erased" in said:
        return None
    found = b64decode(said["body_b64"], validate=True)
    if b64encode(found).decode() != said["body_b64"]:
        raise _Wrong("a body is none")
    return found
