"""The public keys of whoever issues tokens: a JSON Web Key Set (RFC 7517), as a function of its text.

What a key may verify is decided by the key alone, never by a token: RSA for RS256 (384, 512), P-256 for ES256, P-384
for ES384, Ed25519 for EdDSA. A symmetric key in a set is passed over: whoever can read the set could sign with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
import orjson

from shared import errors

MAX_KEYS = 100
MIN_RSA_BITS = 2048

_BY_TYPE: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("RSA", ""): frozenset({"RS256", "RS384", "RS512"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}


class UnknownKey(errors.Unauthorized):
    """unauthorized: the key that signed this token is not known"""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key, and the algorithms whose signatures it may verify."""

    material: Any
    algorithms: frozenset[str]


Keys = Mapping[str, PublicKey]


def parse(text: bytes) -> dict[str, PublicKey]:
    """The usable keys of a set, by key id. Keys without an id, for encryption, or of other kinds are passed over.

    Raises:
        ValueError: it is no key set, or has more than `MAX_KEYS`.
    """
    document = orjson.loads(text)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise ValueError(f"not a JSON Web Key Set of at most {MAX_KEYS} keys")
    found: dict[str, PublicKey] = {}
    for entry in entries:
        key = _usable(entry) if isinstance(entry, dict) else None
        if key is not None:
            found[entry["kid"]] = key
    return found


def find(keys: Keys, key_id: object, algorithm: object) -> PublicKey:
    """The key of this id, if it may verify this algorithm.

    Raises:
        Unauthorized: no id, or an algorithm that is not the key's.
        UnknownKey: there is none of this id; there may be in a newer set.
    """
    if not isinstance(key_id, str) or not key_id:
        raise errors.Unauthorized("a token that is not signed with the secret must name its key (kid)")
    key = keys.get(key_id)
    if key is None:
        raise UnknownKey
    if not isinstance(algorithm, str) or algorithm not in key.algorithms:
        raise errors.Unauthorized("the algorithm is not the key's")
    return key


def _usable(entry: dict[str, Any]) -> PublicKey | None:
    kind = entry.get("kty"), entry.get("crv", "") if entry.get("kty") != "RSA" else ""
    algorithms = _BY_TYPE.get(kind) if all(isinstance(part, str) for part in kind) else None  # type: ignore[arg-type]
    key_id, stated = entry.get("kid"), entry.get("alg")
    if algorithms is None or not isinstance(key_id, str) or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    if stated is not None:
        algorithms &= {stated} if isinstance(stated, str) else set()
    try:
        material = jwt.PyJWK(entry, algorithm=min(algorithms)).key if algorithms else None
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if material is None or (getattr(material, "key_size", MIN_RSA_BITS) < MIN_RSA_BITS and kind[0] == "RSA"):
        return None
    return PublicKey(material, frozenset(algorithms))
