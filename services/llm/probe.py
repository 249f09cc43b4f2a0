"""Does the configured model answer? One small question, asked when somebody wants to know, and never by itself."""

import asyncio
from typing import Any

from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import ModelRequest, UserPromptPart

from services.llm import failures
from services.llm.failures import GenerationFailedError
from services.llm.models import Models
from shared.logging import get_logger

log = get_logger("probe")

DEADLINE_S = 10.0
VALID_S = 30.0
QUESTION = ModelRequest(parts=[UserPromptPart("Answer with one word: ready")])


class Probe:
    """Asks at most once in `VALID_S` seconds, however many want to know at the same time."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._asking = asyncio.Lock()
        self._found: dict[str, Any] = {}
        self._good_until = 0.0

    async def test(self) -> dict[str, Any]:
        """`{ok, model, latency_ms}`, and if it is not ok, `reason` and `message`. The latency is to the first token."""
        now = asyncio.get_running_loop().time
        async with self._asking:
            if now() >= self._good_until:
                self._found = await self._ask()
                self._good_until = now() + VALID_S
            return self._found

    async def _ask(self) -> dict[str, Any]:
        now = asyncio.get_running_loop().time
        name, begun_at = self._models.settings.model_name, now()
        failure: GenerationFailedError | None = None
        try:
            candidate = self._models.candidate(name)
            async with (
                asyncio.timeout(DEADLINE_S),
                model_request_stream(candidate.model, [QUESTION]) as stream,
            ):
                await anext(aiter(stream), None)
                latency_ms = round((now() - begun_at) * 1000)
                await stream.cancel()
            candidate.breaker.told(None, now())
            return {"ok": True, "model": name, "latency_ms": latency_ms}
        except Exception as error:  # noqa: BLE001 - whatever a provider's client raises becomes a reason
            failure = failures.understand(error)
        log.warning("model_does_not_answer", model=name, reason=failure.reason)
        latency_ms = round((now() - begun_at) * 1000)
        return {
            "ok": False,
            "model": name,
            "latency_ms": latency_ms,
            "reason": failure.reason,
            "message": failure.message,
        }
