"""Tools that agents can be given: the built-in ones by name, others as `package.module:function`.

A tool is a typed function with a docstring (pydantic-ai makes its schema of them). It must be harmless to call again:
a reply that is tried again from its beginning calls it again.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from importlib import import_module
from inspect import isawaitable
from typing import Annotated, Any

from pydantic import AfterValidator

from shared.logging import get_logger

log = get_logger("tools")


def current_time() -> str:
    """The date and time now, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


BUILT_IN: dict[str, Callable[..., Any]] = {"current_time": current_time}


def find(name: str) -> Callable[..., Any]:
    """The function that a tool's name stands for.

    Raises:
        ValueError: there is none.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    module, colon, function = name.partition(":")
    if not colon:
        raise ValueError(f"there is no tool {name!r}; there are {', '.join(BUILT_IN)}, and package.module:function")
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"the tool {name!r} can't be imported: {error}") from None
    if not callable(found) or not found.__doc__:
        raise ValueError(f"the tool {name!r} is no function with a docstring")
    return found  # type: ignore[no-any-return]


def guarded(tool: Callable[..., Any]) -> Callable[..., Any]:
    """The same tool, whose failure is told to the model and ends nothing. What went wrong is for the log."""

    @wraps(tool)
    async def call(*args: Any, **named: Any) -> Any:
        try:
            found = tool(*args, **named)
            return await found if isawaitable(found) else found
        except Exception as error:  # noqa: BLE001 - a tool is anybody's code
            log.warning("tool_failed", tool=tool.__name__, error=type(error).__name__)
            return "The tool failed."

    return call


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        find(name)
    return names


Tools = Annotated[tuple[str, ...], AfterValidator(_known)]
