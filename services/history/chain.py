"""The hash chain over the log: pure.

`hash_n = SHA-256(hash_{n-1} || epoch || seq || stream time || SHA-256(subject) || SHA-256(body))`, with the epoch as
its 36 bytes of text, seq as 8 bytes and the stream's time in Unix nanoseconds as 8 bytes, both big-endian. The chain
covers the digest of a body, so it still verifies after the body was erased.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

GENESIS = bytes(32)  # the hash before position 1


class Broken(ValueError):
    """The log is not what was appended."""

    def __init__(self, seq: int, reason: str) -> None:
        self.seq = seq
        self.reason = reason
        super().__init__(f"position {seq}: {reason}")


@dataclass(frozen=True, slots=True)
class Link:
    """What a row of the log contributes to the chain. `body` is None once erased."""

    seq: int
    epoch: str
    time_ns: int
    subject: str
    body: bytes | None
    body_digest: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Anchor:
    """A position that is trusted, with its hash."""

    seq: int = 0
    hash: bytes = GENESIS


def digest(body: bytes) -> bytes:
    """SHA-256, 32 bytes."""
    return hashlib.sha256(body).digest()


def link(previous: bytes, epoch: str, seq: int, time_ns: int, subject: str, body_digest: bytes) -> bytes:
    """The hash of the next position, 32 bytes."""
    return link_digests(previous, epoch, seq, time_ns, digest(subject.encode()), body_digest)


def link_digests(
    previous: bytes, epoch: str, seq: int, time_ns: int, subject_digest: bytes, body_digest: bytes
) -> bytes:
    """The same, for a position of which only the digests are known."""
    place = seq.to_bytes(8, "big") + time_ns.to_bytes(8, "big")
    return hashlib.sha256(b"".join((previous, epoch.encode(), place, subject_digest, body_digest))).digest()


def follow(at: Anchor, row: Link) -> Anchor:
    """The position behind `at`, when `row` is that and is what was appended.

    Raises:
        Broken: it is not.
    """
    if row.seq > at.seq + 1:
        raise Broken(at.seq + 1, f"missing: the next one is {row.seq}")
    if row.seq <= at.seq:
        raise Broken(row.seq, "inserted: nothing belongs here a second time or before the first")
    if row.body is not None and digest(row.body) != row.body_digest:
        raise Broken(row.seq, "the body is not the one that was appended")
    try:
        expected = link(at.hash, row.epoch, row.seq, row.time_ns, row.subject, row.body_digest)
    except OverflowError:
        raise Broken(row.seq, "the time is none that was ever appended") from None
    if expected != row.hash:
        raise Broken(row.seq, "the hash does not follow from the row and the one before")
    return Anchor(row.seq, row.hash)


def verify(links: Iterable[Link], after: Anchor | None = None) -> Anchor:
    """The last position and its hash, when every link follows from the one before, from `after` on.

    Raises:
        Broken: at the first position that was changed, removed, inserted or moved.
    """
    at = after or Anchor()
    for row in links:
        at = follow(at, row)
    return at
