"""The only waiting there is in tests."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE_S = 0.02


async def eventually(check: Callable[[], T | Awaitable[T]], timeout_s: float = 10.0) -> T:
    """The first true answer of `check`. An AssertionError in it counts as "not yet".

    Raises:
        AssertionError: none within `timeout_s` seconds; the last failure is its cause.
    """
    deadline = asyncio.get_running_loop().time() + timeout_s
    failure: AssertionError | None = None
    answer: T | None = None
    while True:
        try:
            found = check()
            answer = await found if inspect.isawaitable(found) else found
            if answer:
                return answer
        except AssertionError as error:
            failure = error
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {timeout_s} s; the last answer was {answer!r}") from failure
        await asyncio.sleep(PAUSE_S)
