"""An official SDK in a process of its own, and what a test may ask of it."""

import asyncio
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared import ids
from tests.support.eventually import eventually
from tests.support.servers import freeze

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "js": ("node", str(ROOT / "tests/sdk/driver.mjs")),
    "py": (str(ROOT / ".venv-sdk/bin/python"), "-P", str(ROOT / "tests/sdk/driver.py")),
}
NEEDS = {"js": ROOT / "tests/sdk/node_modules/centrifuge", "py": ROOT / ".venv-sdk/bin/python"}
LINE_BYTES = 16 * 1024 * 1024


class Refused(Exception):
    """The SDK reported an error; `temporary` ones are worth another try."""

    def __init__(self, code: int, message: str, temporary: bool) -> None:
        super().__init__(f"{code} {message}")
        self.code, self.message, self.temporary = code, message, temporary


class SdkClient:
    """One SDK client. `events` is everything it has told the application, in order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.events: list[dict[str, Any]] = []
        self._process = process
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def listen(self) -> None:
        assert self._process.stdout is not None
        async for raw in self._process.stdout:
            line = json.loads(raw)
            if "event" in line:
                self.events.append(line)
                continue
            waiter = self._waiting.pop(line["id"])
            if "error" in line:
                waiter.set_exception(Refused(**line["error"]))
            else:
                waiter.set_result(line["ok"])

    async def do(self, name: str, **arguments: Any) -> Any:
        """The SDK's answer to one call of its API.

        Raises:
            Refused: with the code the application would see.
        """
        assert self._process.stdin is not None
        number = next(self._numbers)
        waiter = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": number, "do": name, **arguments}).encode() + b"\n")
        return await asyncio.wait_for(waiter, 30)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Inside, its process does nothing, and reads nothing (a suspended laptop); afterwards it goes on."""
        freeze(self._process.pid)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    async def rpc(self, method: str, **data: Any) -> Any:
        return await self.do("rpc", method=method, data=data)

    async def write(self, method: str, **data: Any) -> Any:
        """As `rpc`, with an id of its own, sent again unchanged until the gateway has decided."""
        command = {"id": ids.uuid7()} | data

        async def decided() -> Any:
            try:
                return await self.rpc(method, **command)
            except Refused as error:
                if error.temporary:
                    return None
                raise

        return await eventually(decided, 60)

    async def connected(self, **options: Any) -> dict[str, Any]:
        """Connects with these options; the `connected` event."""
        await self.do("open", **options)
        return await self.event("connected")

    async def subscribed(self, session_id: str) -> dict[str, Any]:
        """Subscribes to a session; the `subscribed` event."""
        await self.do("subscribe", channel=f"session:{session_id}")
        return await self.event("subscribed", channel=f"session:{session_id}")

    def seen(self, event: str, **facts: Any) -> list[dict[str, Any]]:
        """The events so far of this name and with these facts."""
        return [e for e in list(self.events) if e["event"] == event and facts.items() <= e.items()]

    async def event(self, event: str, timeout_s: float = 10.0, **facts: Any) -> dict[str, Any]:
        """The first event of this name and with these facts, waited for if need be."""
        return (await eventually(lambda: self.seen(event, **facts), timeout_s))[0]

    def durable(self, kind: str = "") -> list[dict[str, Any]]:
        """The publications that have an offset, in the order the application got them; of one event type, if named."""
        return [e for e in self.seen("publication") if e["offset"] and e["data"]["type"].startswith(kind)]

    async def got(self, event_id: str, timeout_s: float = 10.0) -> dict[str, Any]:
        """The publication of the event with this id, waited for if need be."""

        def found() -> list[dict[str, Any]]:
            return [e for e in self.durable() if e["data"]["id"] == event_id]

        return (await eventually(found, timeout_s))[0]


@asynccontextmanager
async def sdk(kind: str) -> AsyncIterator[SdkClient]:
    """A client of one SDK (`js` or `py`), not yet connected."""
    if not NEEDS[kind].exists():
        pytest.skip(f"the {kind} SDK is not installed: make test installs it")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*PROGRAMS[kind], stdin=pipe, stdout=pipe, limit=LINE_BYTES)
    client = SdkClient(process)
    listening = asyncio.create_task(client.listen())
    try:
        yield client
    finally:
        assert process.stdin is not None
        process.stdin.close()
        if process.returncode is None:
            process.kill()
        await process.wait()
        listening.cancel()


def types(publications: list[dict[str, Any]]) -> list[str]:
    """The event types of publications, without their version."""
    return [p["data"]["type"].rpartition(".v")[0] for p in publications]
