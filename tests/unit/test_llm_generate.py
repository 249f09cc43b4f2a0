"""Failures by their kind, the offline model, and deadlines, without a network."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic_ai import exceptions as ai
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo, FunctionModel

from services.llm.agents import Spec
from services.llm.failures import WORDS, GenerationFailedError, understand
from services.llm.models import Models
from services.llm.offline import answer
from services.llm.run import MAX_CHARS
from services.llm.settings import LlmSettings
from shared.events.replies import FailReason
from tests.support.agents import generator, turn

SETTINGS = LlmSettings(
    OPENAI_API_KEY="",
    OPENAI_BASE_URL="",
    model="",
    retry_wait_s=0,
    first_token_s=0.2,
    stall_s=0.2,
    total_s=5,
    offline_word_ms=0,
)


def model(*pieces: str | Exception | float) -> FunctionModel:
    """A model that says the pieces; a number is a pause in seconds."""

    async def stream(_messages: list[ModelMessage], _info: AgentInfo) -> AsyncIterator[str]:
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, float):
                await asyncio.wait_for(asyncio.Event().wait(), piece)
            else:
                yield piece

    return FunctionModel(stream_function=stream, model_name="test")


@pytest.mark.parametrize(
    ("error", "reason", "again"),
    [
        (TimeoutError(), "timeout", True),
        (ai.ModelHTTPError(401, "m"), "bad_configuration", False),
        (ai.ModelHTTPError.for_category(ai.ModelRateLimitError, status_code=429, model_name="m"), "rate_limited", True),
        (
            ai.ModelHTTPError.for_category(ai.ModelContextWindowExceededError, status_code=400, model_name="m"),
            "too_long",
            False,
        ),
        (ai.ModelHTTPError.for_category(ai.ModelServerError, status_code=500, model_name="m"), "provider_error", True),
        (ai.ContentFilterError("no"), "refused", False),
        (ValueError("sk-secret"), "provider_error", True),
    ],
)
def test_every_failure_has_a_reason_and_words_without_the_providers_own(
    error: Exception, reason: FailReason, again: bool
) -> None:
    failure = understand(error)
    assert (failure.reason, failure.again) == (reason, again)
    assert failure.message == WORDS[reason]
    assert "sk-secret" not in repr(failure)


@pytest.mark.parametrize("temperature", [None, 0.0, 1.5])
async def test_the_model_is_asked_at_the_temperature_of_the_chat(temperature: float | None) -> None:
    asked: list[object] = []

    async def stream(_messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        asked.append((info.model_settings or {}).get("temperature"))
        yield "warm"

    asking = generator(SETTINGS, FunctionModel(stream_function=stream, model_name="test"))
    await asking.generate(turn(temperature=temperature))
    assert asked == [temperature]


async def test_the_offline_model_streams_the_same_answer_word_by_word() -> None:
    done = turn("What  is\nup?", spec=Spec("", "Assistant", "", "offline"))
    await generator(SETTINGS).generate(done)
    assert done.text == answer("What  is\nup?")
    assert len(done.pieces) > 20
    assert "“What is up?” (3 words)" in done.text
    assert done.usage.estimated


async def test_a_failure_before_the_first_token_is_retried_and_one_after_it_is_not() -> None:
    tries: list[str] = []

    async def flaky(_messages: list[ModelMessage], _info: AgentInfo) -> AsyncIterator[str]:
        tries.append("try")
        if len(tries) < 3:
            raise ai.ModelConnectionError("m", "gone")
        yield "whole"

    whole = FunctionModel(stream_function=flaky, model_name="test")
    done = turn()
    await generator(SETTINGS, whole).generate(done)
    assert done.text == "whole"
    assert len(tries) == 3

    half = turn()
    broken = generator(SETTINGS, model("half", ai.ModelConnectionError("m", "gone")))
    with pytest.raises(GenerationFailedError) as caught:
        await broken.generate(half)
    assert caught.value.reason == "unreachable"
    assert half.pieces == ["half"]


async def test_silence_ends_in_a_timeout_before_and_in_the_middle_of_a_text() -> None:
    settings = SETTINGS.model_copy(update={"retries": 0})
    for silent in (model(3.0, "late"), model("some", 3.0)):
        with pytest.raises(GenerationFailedError) as caught:
            await generator(settings, silent).generate(turn())
        assert caught.value.reason == "timeout"


async def test_a_text_without_end_is_cut_where_an_event_ends() -> None:
    done = turn()
    ended = await generator(SETTINGS, model(*["x" * 30_000] * 5)).generate(done)
    assert (len(done.text), ended.finish_reason) == (MAX_CHARS, "length")


def test_a_named_model_without_an_address_is_a_matter_of_configuration() -> None:
    with pytest.raises(GenerationFailedError) as caught:
        Models(SETTINGS).candidate("gpt-5-mini")
    assert caught.value.reason == "bad_configuration"
