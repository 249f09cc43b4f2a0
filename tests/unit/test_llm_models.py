"""Which models are asked, one after the other, and what is told of those that can't be."""

from collections.abc import AsyncIterator

import pytest
from pydantic_ai import exceptions as ai
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel

from services.llm.failures import GenerationFailedError
from services.llm.models import Models
from services.llm.settings import LlmSettings
from tests.support.agents import candidate, generator, turn

SETTINGS = LlmSettings(
    OPENAI_API_KEY="sk-test", retry_wait_s=0, retries=1, fallback_models="second, third", breaker_failures=4
)
DOWN = ai.ModelConnectionError("m", "sk-secret")


class Scripted:
    """A model that does the next thing of its script: raises it, or says it; at the end it says `so`."""

    def __init__(self, *script: str | Exception) -> None:
        self.script = list(script)
        self.asked = 0
        self.model = FunctionModel(stream_function=self._stream, model_name="scripted")

    async def _stream(self, _messages: list[ModelMessage], _info: AgentInfo) -> AsyncIterator[str]:
        self.asked += 1
        what = self.script.pop(0) if self.script else "so"
        if isinstance(what, Exception):
            raise what
        for piece in what.split("|"):
            if piece == "!":
                raise DOWN
            yield piece


def three(**scripts: Scripted) -> tuple[dict[str, Scripted], dict[str, FunctionModel]]:
    all_three = {name: scripts.get(name, Scripted()) for name in ("test", "second", "third")}
    return all_three, {name: one.model for name, one in all_three.items()}


async def test_the_next_model_is_asked_once_the_one_before_has_failed_with_all_its_tries() -> None:
    scripted, models = three(test=Scripted(DOWN, DOWN), second=Scripted(DOWN, "second says so"))
    done = turn()
    await generator(SETTINGS, **models).generate(done)
    assert (done.text, done.model) == ("second says so", "second")
    assert [one.asked for one in scripted.values()] == [2, 2, 0]


async def test_a_text_that_was_begun_is_not_begun_anew_by_another_model() -> None:
    scripted, models = three(test=Scripted("half|!"))
    half = turn()
    with pytest.raises(GenerationFailedError) as caught:
        await generator(SETTINGS, **models).generate(half)
    assert (caught.value.reason, half.text, half.model) == ("unreachable", "half", "test")
    assert half.usage.estimated
    assert half.usage.output_tokens > 0
    assert scripted["second"].asked == 0


async def test_a_refusal_is_an_answer_and_no_other_model_is_asked() -> None:
    scripted, models = three(test=Scripted(ai.ContentFilterError("no")))
    with pytest.raises(GenerationFailedError) as caught:
        await generator(SETTINGS, **models).generate(turn())
    assert caught.value.reason == "refused"
    assert scripted["second"].asked == 0


async def test_if_all_fail_the_first_ones_reason_is_told() -> None:
    limited = ai.ModelHTTPError.for_category(ai.ModelRateLimitError, status_code=429, model_name="m")
    _, models = three(test=Scripted(limited, limited), second=Scripted(DOWN, DOWN), third=Scripted(DOWN, DOWN))
    with pytest.raises(GenerationFailedError) as caught:
        await generator(SETTINGS, **models).generate(turn())
    assert caught.value.reason == "rate_limited"


async def test_a_provider_that_is_down_is_not_asked_until_one_reply_finds_it_back() -> None:
    settings = SETTINGS.model_copy(update={"breaker_open_s": 1000.0})
    down = Scripted(*[DOWN] * 5)
    first = candidate("first", down.model, settings)
    writer = generator(settings, test=first, second=Scripted().model)

    async def who_answers() -> str:
        done = turn()
        await writer.generate(done)
        return done.model

    assert [await who_answers() for _ in range(5)] == ["second"] * 5
    assert down.asked == 4, "left alone after four failures"
    first.breaker.opened_at -= 1000
    assert [await who_answers() for _ in range(3)] == ["second"] * 3
    assert down.asked == 5, "one reply has tried it, in vain"
    first.breaker.opened_at -= 1000
    assert [await who_answers() for _ in range(3)] == ["test"] * 3


@pytest.mark.parametrize(
    ("name", "words"),
    [("anthropic:claude-sonnet-4-5", "pydantic-ai-slim[anthropic]"), ("deepseek:deepseek-chat", "key of its provider")],
)
def test_another_provider_needs_its_package_and_its_key(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPSEEK_API_KEY", raising=False)
    with pytest.raises(GenerationFailedError) as caught:
        Models(SETTINGS).candidate(name)
    assert caught.value.reason == "bad_configuration"
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("name", "kind", "asked", "provider"),
    [
        ("gpt-5-mini", OpenAIChatModel, "gpt-5-mini", "openai"),
        ("llama3.2:3b", OpenAIChatModel, "llama3.2:3b", "openai"),
        ("openai:mistral:7b", OpenAIChatModel, "mistral:7b", "openai"),
        ("openai-responses:gpt-5", OpenAIResponsesModel, "gpt-5", "openai"),
        ("offline", FunctionModel, "offline", "offline"),
    ],
)
def test_a_name_leads_to_its_model_and_the_breaker_of_its_provider(
    name: str, kind: type, asked: str, provider: str
) -> None:
    found = Models(SETTINGS).candidate(name)
    assert (type(found.model), found.model.model_name, found.breaker.provider) == (kind, asked, provider)


def test_switched_off_nobody_is_asked_whatever_a_chat_wishes() -> None:
    assert Models(SETTINGS.model_copy(update={"model": "offline"})).line("gpt-5") == ["offline"]
    assert Models(SETTINGS).line("second") == ["second", "third"]


@pytest.mark.parametrize(("models", "name", "allowed"), [("", "x", True), ("a, b", "b", True), ("a, b", "x", False)])
def test_a_chat_may_choose_what_the_operator_allows(models: str, name: str, *, allowed: bool) -> None:
    settings = SETTINGS.model_copy(update={"models": models})
    assert settings.allows(name) is allowed
    assert settings.allows(settings.model_name), "the operator's own always"
