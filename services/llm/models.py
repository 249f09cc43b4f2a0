"""Which model answers."""

from openai import AsyncOpenAI
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from services.llm.failures import GenerationFailedError
from services.llm.offline import offline_model
from services.llm.settings import LlmSettings

NO_KEY = "none"  # servers of one's own want a key to be there, and no particular one


def make_model(settings: LlmSettings) -> Model:
    """The configured model, or the offline one. Nobody is asked yet; retries and deadlines are ours, not the client's.

    Raises:
        GenerationFailedError: a model was named that can't be reached with these settings.
    """
    if not settings.configured:
        return offline_model(settings.offline_word_ms)
    key = settings.openai_api_key.get_secret_value()
    if not key and not settings.openai_base_url:
        raise GenerationFailedError(
            "bad_configuration",
            "ANTIPHON_MODEL is set, but neither OPENAI_API_KEY nor OPENAI_BASE_URL: nobody can be asked.",
        )
    client = AsyncOpenAI(
        api_key=key or NO_KEY,
        base_url=settings.openai_base_url or None,
        max_retries=0,
        timeout=settings.total_s,
    )
    return OpenAIChatModel(settings.model_name, provider=OpenAIProvider(openai_client=client))
