"""Half a character, as a text holds that was cut inside an emoji: JSON can name it, UTF-8 can't say it."""

import re

_HALF = re.compile("[\ud800-\udfff]")


def mended(text: str) -> str:
    """The text with halves that belong together as one character, and U+FFFD for each that is alone.

    Source: WHATWG Infra, 4.7, what browsers do with such a text.
    """
    if _HALF.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
