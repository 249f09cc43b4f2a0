"""One read serves all who want the same, and nobody gets what was read before they asked."""

import asyncio

import pytest

from services.gateway.sharing import Shared
from shared import errors
from tests.support.eventually import eventually


async def test_who_asks_during_a_read_gets_the_next_one_together_with_all_others_who_do() -> None:
    gate = asyncio.Event()
    reads: list[str] = []

    async def read(key: str) -> int:
        reads.append(key)
        await gate.wait()
        return len(reads)

    shared = Shared(read)
    first = asyncio.create_task(shared("a"))
    await eventually(lambda: reads)
    later = [asyncio.create_task(shared("a")) for _ in range(100)]
    asyncio.get_running_loop().call_soon(gate.set)
    assert await first == 1
    assert set(await asyncio.gather(*later)) == {2}
    assert reads == ["a", "a"]


async def test_a_failure_is_everybodys_and_the_next_who_asks_is_served() -> None:
    faults = [True]

    async def read(_key: str) -> str:
        if faults.pop() if faults else False:
            raise errors.Unavailable
        return "read"

    shared = Shared(read)
    results = await asyncio.gather(*(shared("a") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, errors.Unavailable) for result in results)
    assert await shared("a") == "read"
    waiting = asyncio.create_task(shared("b"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await shared("b") == "read"
