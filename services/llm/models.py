"""Which models are asked: names become models, each with the circuit breaker of its provider and a price list.

A plain name is a model of the OpenAI-compatible endpoint. `provider:name` is pydantic-ai's way to name a model of
another provider, whose package must be installed and whose key it finds in the environment.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from openai import AsyncOpenAI
from pydantic_ai import exceptions as ai
from pydantic_ai.models import Model, infer_model
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIChatModelSettings, OpenAIResponsesModel
from pydantic_ai.providers import infer_provider_class
from pydantic_ai.providers.openai import OpenAIProvider

from services.llm.breaker import Breaker
from services.llm.failures import GenerationFailedError
from services.llm.offline import offline_model
from services.llm.settings import OFFLINE, LlmSettings
from shared.logging import get_logger

log = get_logger("models")

NO_KEY = "none"  # servers of one's own want a key to be there, and no particular one
RESPONSES = "openai-responses"
# Some providers tell with every chunk what was used so far: the last one counts, not their sum. That is asked of none.
LAST_USAGE = OpenAIChatModelSettings(
    openai_continuous_usage_stats=True, extra_body={"stream_options": {"include_usage": True}}
)
ENDPOINT = frozenset({"openai", "openai-chat", RESPONSES})


@dataclass(slots=True)
class Candidate:
    """A model that may be asked. `takes_tools` is off once it has refused a request because of them."""

    name: str
    model: Model
    breaker: Breaker
    price_provider: str = ""
    price_url: str = ""
    takes_tools: bool = True


@dataclass(slots=True)
class Models:
    """The models of one worker, made when they are first needed. Retries and deadlines are ours, not their clients'."""

    settings: LlmSettings
    known: dict[str, Candidate] = field(default_factory=dict)
    _breakers: dict[str, Breaker] = field(default_factory=dict)

    def line(self, name: str) -> list[str]:
        """The names to ask, in order: `name`, then the operator's fallbacks. Switched off, the offline model alone."""
        if OFFLINE in (self.settings.model, name):
            return [OFFLINE]
        return list(dict.fromkeys([name, *self.settings.fallbacks]))

    def candidate(self, name: str) -> Candidate:
        """The model of this name.

        Raises:
            GenerationFailedError: it can't be reached with these settings.
        """
        if name not in self.known:
            self.known[name] = self._make(name)
        return self.known[name]

    def facts(self) -> dict[str, Any]:
        """The configured model as readiness shows it: nobody is asked."""
        s = self.settings
        facts: dict[str, Any] = {"name": s.model_name, "configured": s.configured, "fallbacks": s.fallbacks}
        try:
            self.candidate(s.model_name)
        except GenerationFailedError as failure:
            facts["problem"] = failure.message
        open_now = sorted(breaker.provider for breaker in self._breakers.values() if breaker.is_open)
        return facts | ({"breakers_open": open_now} if open_now else {})

    def _make(self, name: str) -> Candidate:
        s = self.settings
        if name == OFFLINE:
            return Candidate(name, offline_model(s.offline_word_ms), self._breaker(OFFLINE, threshold=0))
        prefix, _, rest = name.partition(":")
        provider = prefix if rest and _is_provider(prefix, name) else ""
        if provider and provider not in ENDPOINT:
            return Candidate(name, _native(name), self._breaker(provider), price_provider=provider)
        endpoint = self._endpoint()
        if provider == RESPONSES:
            model: Model = OpenAIResponsesModel(rest, provider=endpoint)
        else:
            model = OpenAIChatModel(rest if provider else name, provider=endpoint, settings=LAST_USAGE)
        prices = s.price_provider or ("" if s.openai_base_url else "openai")
        host = urlsplit(s.openai_base_url).netloc.rpartition("@")[2] or "openai"
        return Candidate(name, model, self._breaker(host), prices, s.openai_base_url)

    def _endpoint(self) -> OpenAIProvider:
        s = self.settings
        key = s.openai_api_key.get_secret_value()
        if not key and not s.openai_base_url:
            raise GenerationFailedError(
                "bad_configuration",
                "A model is named, but neither OPENAI_API_KEY nor OPENAI_BASE_URL is set: nobody can be asked.",
            )
        client = AsyncOpenAI(
            api_key=key or NO_KEY, base_url=s.openai_base_url or None, max_retries=0, timeout=s.total_s
        )
        return OpenAIProvider(openai_client=client)

    def _breaker(self, provider: str, threshold: int | None = None) -> Breaker:
        s = self.settings
        fresh = Breaker(provider, s.breaker_failures if threshold is None else threshold, s.breaker_open_s)
        return self._breakers.setdefault(provider, fresh)


def _is_provider(prefix: str, name: str) -> bool:
    try:
        infer_provider_class(prefix)
    except ValueError:
        return False  # a name with a colon in it, as in llama3.2:3b
    except ImportError as error:
        log.warning("provider_not_installed", provider=prefix, error=str(error))
        raise GenerationFailedError(
            "bad_configuration",
            f"The model “{name}” needs the package pydantic-ai-slim[{prefix}], which is not installed here.",
        ) from None
    return True


def _native(name: str) -> Model:
    try:
        return infer_model(name)
    except (ai.UserError, ImportError) as error:
        log.warning("provider_not_usable", model=name, error=type(error).__name__)
        raise GenerationFailedError(
            "bad_configuration",
            f"The model “{name}” can't be asked: the key of its provider is missing in the environment.",
        ) from None
