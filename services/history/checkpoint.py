"""Signed checkpoints: pure. Whoever keeps an old one notices a log that was rewritten, however consistently.

What is signed (Ed25519, RFC 8032) is text, so that any tool can check it:
`antiphon checkpoint 1\\n<epoch>\\n<seq>\\n<hash, 64 hex digits>\\n<time, Unix nanoseconds>\\n`.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.history.chain import Anchor

_FIELDS = {"epoch", "seq", "hash", "time_ns", "public_key", "signature"}


class Unusable(ValueError):
    """A key or a checkpoint that is none, or that is not signed by whom it should be."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log had this hash at this position when it was signed. `public_key` is 32 bytes, `signature` 64."""

    epoch: str
    seq: int
    hash: bytes
    time_ns: int
    public_key: bytes
    signature: bytes

    @property
    def anchor(self) -> Anchor:
        """What it says about the chain."""
        return Anchor(self.seq, self.hash)


def signed_text(epoch: str, seq: int, last_hash: bytes, time_ns: int) -> bytes:
    """What the signature is over."""
    return f"antiphon checkpoint 1\n{epoch}\n{seq}\n{last_hash.hex()}\n{time_ns}\n".encode()


def sign(key: Ed25519PrivateKey, epoch: str, at: Anchor, time_ns: int) -> Checkpoint:
    """A checkpoint of the position `at`."""
    signature = key.sign(signed_text(epoch, at.seq, at.hash, time_ns))
    return Checkpoint(epoch, at.seq, at.hash, time_ns, key.public_key().public_bytes_raw(), signature)


def check(it: Checkpoint, *public_keys: bytes) -> None:
    """Returns if the owner of one of the keys signed it; an old checkpoint is signed with the key of its time.

    Raises:
        Unusable: otherwise.
    """
    try:
        if it.public_key not in public_keys:
            raise Unusable(f"the checkpoint of position {it.seq} is signed with another key")
        signed = signed_text(it.epoch, it.seq, it.hash, it.time_ns)
        Ed25519PublicKey.from_public_bytes(it.public_key).verify(it.signature, signed)
    except InvalidSignature:
        raise Unusable(f"the signature of the checkpoint of position {it.seq} is wrong") from None


def to_json(it: Checkpoint) -> dict[str, str | int]:
    """As it is written down; bytes are hex, keys and signatures base64."""
    return {
        "epoch": it.epoch,
        "seq": it.seq,
        "hash": it.hash.hex(),
        "time_ns": it.time_ns,
        "public_key": b64encode(it.public_key).decode(),
        "signature": b64encode(it.signature).decode(),
    }


def from_json(text: str | bytes | dict[str, Any]) -> Checkpoint:
    """The checkpoint that was written down.

    Raises:
        Unusable: it is none.
    """
    try:
        it: dict[str, Any] = text if isinstance(text, dict) else orjson.loads(text)
        if set(it) != _FIELDS or type(it["seq"]) is not int or type(it["time_ns"]) is not int:
            raise Unusable("this is no checkpoint")
        keys = (b64decode(it["public_key"], validate=True), b64decode(it["signature"], validate=True))
        found = Checkpoint(str(it["epoch"]), it["seq"], bytes.fromhex(it["hash"]), it["time_ns"], *keys)
        if to_json(found) != it:
            raise Unusable("this is no checkpoint")  # bytes have one way to be written down
        return found
    except (ValueError, TypeError) as error:
        raise Unusable("this is no checkpoint") from error


def private_key(text: str) -> Ed25519PrivateKey:
    r"""The key of a PEM (PKCS 8; `\n` may stand for its line ends), or of its 32 bytes in base64.

    Raises:
        Unusable: it is neither.
    """
    try:
        if "BEGIN" in text:
            found = serialization.load_pem_private_key(text.replace("\\n", "\n").encode(), None)
            if isinstance(found, Ed25519PrivateKey):
                return found
            raise Unusable("the signing key is not an Ed25519 key")
        return Ed25519PrivateKey.from_private_bytes(b64decode(text.strip(), validate=True))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Unusable("the signing key is neither a PEM nor 32 bytes in base64 (Ed25519)") from error


def public_key(text: str) -> bytes:
    """The 32 bytes of a public key, given as PEM or in base64.

    Raises:
        Unusable: it is neither.
    """
    try:
        if "BEGIN" in text:
            found = serialization.load_pem_public_key(text.encode())
            if isinstance(found, Ed25519PublicKey):
                return found.public_bytes_raw()
            raise Unusable("the public key is not an Ed25519 key")
        return Ed25519PublicKey.from_public_bytes(b64decode(text.strip(), validate=True)).public_bytes_raw()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Unusable("the public key is neither a PEM nor 32 bytes in base64 (Ed25519)") from error


def encoded(key: bytes) -> str:
    """A public key as people pass it on: base64, one line."""
    return b64encode(key).decode()
