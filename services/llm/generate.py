"""One answer of a model: a stream of text with deadlines, retried before the first token and never after it."""

import asyncio

import stamina
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
)
from pydantic_ai.models import Model
from pydantic_ai.settings import ModelSettings

from services.llm import failures
from services.llm.failures import GenerationFailedError
from services.llm.settings import OFFLINE, LlmSettings
from services.llm.turn import Answered, Turn
from shared.events import Usage
from shared.events.replies import FinishReason
from shared.logging import get_logger

log = get_logger("generate")

MAX_CHARS = 100_000  # in the worst case 600 kB of JSON: an event must fit into a bus message of 1 MB
MAX_PAUSE_S = 60.0

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_call": "tool_calls",
    "error": "error",
}


class Generator:
    """Asks one model."""

    def __init__(self, model: Model, settings: LlmSettings) -> None:
        self._model = model
        self._settings = settings

    async def generate(self, turn: Turn) -> Answered:
        """The turn has got the whole answer, piece by piece as it came.

        Raises:
            GenerationFailedError: with the reason, after all retries that made sense.
        """
        s = self._settings
        started_at = asyncio.get_running_loop().time()
        retries = stamina.retry_context(
            on=_pause_before_retry,
            attempts=s.retries + 1,
            timeout=s.total_s,
            wait_initial=s.retry_wait_s,
            wait_max=max(s.retry_wait_s, MAX_PAUSE_S),
            wait_jitter=0,
        )
        async for attempt in retries:
            with attempt:
                return await _Try(self._model, s, turn, started_at).run()
        raise GenerationFailedError("gave_up")  # not reached: the last attempt raises


class _Try:
    def __init__(self, model: Model, settings: LlmSettings, turn: Turn, started_at: float) -> None:
        self._model = model
        self._settings = settings
        self._turn = turn
        self._started_at = started_at
        self._length = 0

    async def run(self) -> Answered:
        ends_at = self._started_at + self._settings.total_s
        now = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(min(ends_at, now() + self._settings.first_token_s)) as limit:
                response = await self._stream(self._turn.context.messages, limit, ends_at)
        except Exception as error:  # noqa: BLE001 - whatever a provider's client raises becomes a reason
            failure = failures.understand(error)
            log.warning(
                "provider_failed", reason=failure.reason, error=type(error).__name__, begun=bool(self._turn.pieces)
            )
            if self._turn.pieces:
                failure.again = False
            raise failure from None
        return self._generation(response)

    async def _stream(self, messages: list[ModelMessage], limit: asyncio.Timeout, ends_at: float) -> ModelResponse:
        now = asyncio.get_running_loop().time
        temperature = self._turn.spec.temperature
        wishes = ModelSettings() if temperature is None else ModelSettings(temperature=temperature)
        async with model_request_stream(self._model, messages, model_settings=wishes) as stream:
            async for event in stream:
                text = _text_of(event)[: MAX_CHARS - self._length]
                limit.reschedule(
                    min(ends_at, now() + self._settings.stall_s) if self._turn.first_at or text else limit.when()
                )
                if text:
                    self._length += len(text)
                    self._turn.add(text)
                if self._length >= MAX_CHARS:
                    await stream.cancel()
                    break
            return stream.get()

    def _generation(self, response: ModelResponse) -> Answered:
        finish = _FINISH.get(response.finish_reason or "", "stop" if self._model.model_name == OFFLINE else "unknown")
        if self._length >= MAX_CHARS:
            finish = "length"
        if not self._length:
            raise GenerationFailedError("refused" if finish == "content_filter" else "provider_error", again=True)
        counted = response.usage
        if counted.output_tokens and self._model.model_name != OFFLINE:
            self._turn.counted = Usage(
                input_tokens=counted.input_tokens,
                output_tokens=counted.output_tokens,
                cached_tokens=counted.cache_read_tokens,
            )
        return Answered(finish)


def _pause_before_retry(error: Exception) -> bool | float:
    if not isinstance(error, GenerationFailedError) or not error.again:
        return False
    return True if error.retry_after_s is None else min(error.retry_after_s, MAX_PAUSE_S)


def _text_of(event: ModelResponseStreamEvent) -> str:
    match event:
        case PartStartEvent(part=TextPart(content=text)) | PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
        case _:
            return ""
