"""Asking the owner of a schema: request/reply with retries inside the caller's deadline, behind a circuit breaker.

A reply is `{"ok": ...}` or `{"error": {"code", "message"}}`. Any instance of the owner may answer.
"""

import asyncio
from typing import Any

import nats.errors
import orjson
from opentelemetry import propagate

from shared import errors, subjects
from shared.bus.connection import Bus

_PAUSES_S = (1.0, 2.0, 4.0)
_OPEN_AFTER = 5  # failures in a row
_OPEN_FOR_S = 5.0


class Breaker:
    """Closed: asks. Open after several failures in a row: refuses at once, and lets one through now and then."""

    def __init__(self) -> None:
        self._failures = 0
        self._retry_at = 0.0

    def check(self, owner: str) -> None:
        """Raises `Unavailable` while open."""
        now = asyncio.get_running_loop().time()
        if self._failures >= _OPEN_AFTER and now < self._retry_at:
            raise errors.Unavailable(f"{owner} does not answer")
        if self._failures >= _OPEN_AFTER:
            self._retry_at = now + _OPEN_FOR_S

    def failed(self) -> None:
        """Counts; opens when it is one too many."""
        self._failures += 1
        if self._failures >= _OPEN_AFTER:
            self._retry_at = asyncio.get_running_loop().time() + _OPEN_FOR_S

    def succeeded(self) -> None:
        """Closes."""
        self._failures = 0


class QueryClient:
    """Questions to `query.<owner>.<name>`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._breakers: dict[str, Breaker] = {}

    async def ask(self, owner: str, name: str, request: dict[str, Any], deadline_s: float = 5.0) -> Any:
        """The answer, as decoded JSON.

        Raises:
            Unavailable: nobody answered before the deadline, or too often lately.
            AntiphonError: what the owner refused with.
        """
        breaker = self._breakers.setdefault(owner, Breaker())
        breaker.check(owner)
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + deadline_s
        headers: dict[str, str] = {}
        propagate.inject(headers)
        for pause_s in (*_PAUSES_S, None):
            left_s = ends_at - loop.time()
            if left_s <= 0:
                break
            try:
                reply = await self._bus.client.request(
                    subjects.query(owner, name), orjson.dumps(request), timeout=left_s, headers=headers
                )
            except (nats.errors.Error, TimeoutError):
                if pause_s is None or loop.time() + pause_s >= ends_at:
                    break
                await asyncio.sleep(pause_s)
                continue
            breaker.succeeded()
            return _unwrap(reply.data)
        breaker.failed()
        raise errors.Unavailable(f"{owner} does not answer")


def _unwrap(body: bytes) -> Any:
    answer = orjson.loads(body)
    if "error" in answer:
        kind = errors.BY_CODE.get(answer["error"]["code"], errors.Internal)
        raise kind(answer["error"]["message"])
    return answer["ok"]
