"""Identifiers: UUIDv7 (time-ordered), made where the cause is, and derived ones that come out the same twice.

Source: RFC 9562, 5.7 (48 bits of Unix milliseconds, version, 12 + 62 random bits).
"""

import hashlib
import os
import re
import time
import uuid

KEYED = "key-"  # begins the ids of sessions that are found by a key
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)
_RANDOM_BITS = (1 << 74) - 1


def _layout(unix_ms: int, random74: int) -> uuid.UUID:
    value = (unix_ms & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= ((random74 >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random74 & ((1 << 62) - 1)
    return uuid.UUID(int=value)


def uuid7(unix_ms: int | None = None) -> str:
    """A new UUIDv7 in canonical lower-case text, of the given or the present time."""
    ms = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
    return str(_layout(ms, int.from_bytes(os.urandom(10), "big") & _RANDOM_BITS))


def is_uuid7(text: str) -> bool:
    """Whether the text is a UUIDv7 in canonical lower-case form: the only form that is compared byte by byte."""
    return _UUID7.fullmatch(text) is not None


def time_ms(uuid7_text: str) -> int:
    """The Unix milliseconds inside a UUIDv7."""
    return int(uuid7_text[:8] + uuid7_text[9:13], 16)


def derived(cause: str, purpose: str) -> str:
    """The id of what follows from `cause` (a UUIDv7) for `purpose`: the same whoever makes it, however often.

    It has the cause's time and, as its random bits, SHA-256 of (cause, purpose).
    """
    return of_content(time_ms(cause), f"{cause}\x00{purpose}")


def of_content(unix_ms: int, content: str) -> str:
    """The id of what is known by its content and time: a UUIDv7 whose random bits are the content's SHA-256."""
    digest = hashlib.sha256(content.encode()).digest()
    return str(_layout(unix_ms, int.from_bytes(digest[:10], "big") & _RANDOM_BITS))


def keyed(user: str, key: str) -> str:
    """The id of the user's session for a key: the same wherever it is asked for."""
    return KEYED + hashlib.sha256(f"{user}\x00{key}".encode()).hexdigest()[:48]
