"""What other systems call a text, as one that can be written as UTF-8, and as what its place in an event holds."""

import hashlib
import math
from typing import Any

from shared.surrogates import mended

MAX_USER = 128


def sound(value: Any) -> Any:
    """The value, with U+FFFD for whatever is half a character or a byte of another encoding, at any depth.

    Numbers are those of JSON: none that is not finite, and whole ones of 64 bits.

    Raises:
        OverflowError: a number is larger than any of JSON's.
    """
    match value:
        case str():
            return mended(value)
        case dict():
            return {sound(str(name)): sound(inner) for name, inner in value.items()}
        case list():
            return [sound(one) for one in value]
        case float():
            return value if math.isfinite(value) else None
        case int() if not -(2**63) <= value < 2**64:
            return float(value)
        case _:
            return value


def user_id(text: str) -> str:
    """Who that is here: the same id, unless it is too long or belongs to a service; empty for nobody."""
    name = str(sound(text)).strip()
    if name.startswith("svc/"):
        name = f"imported/{name}"
    if len(name) <= MAX_USER:
        return name
    return f"{name[:80]}-{hashlib.sha256(name.encode()).hexdigest()[:40]}"
