"""How deeply a JSON value may be nested: parsers have their limits, not all of them the same."""

from typing import Any

MOST_LEVELS = 64


def is_too_deep(value: Any) -> bool:
    """Whether objects and arrays stand inside each other more than MOST_LEVELS deep."""
    level = [value]
    for _ in range(MOST_LEVELS + 1):
        level = [each for each in level if isinstance(each, dict | list)]
        if not level:
            return False
        level = [child for each in level for child in (each.values() if isinstance(each, dict) else each)]
    return True
