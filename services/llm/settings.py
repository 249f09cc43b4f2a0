"""What a worker is told from outside."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings

DEFAULT_MODEL = "gpt-5-mini"
OFFLINE = "offline"


class LlmSettings(ServiceSettings):
    """A worker: which model answers, how many replies at once, and how long anything may take."""

    openai_api_key: SecretStr = Field(
        SecretStr(""), validation_alias="OPENAI_API_KEY", description="Key of the model's endpoint"
    )
    openai_base_url: str = Field(
        "",
        validation_alias="OPENAI_BASE_URL",
        description="Address of an OpenAI-compatible endpoint; OpenAI's if empty",
    )
    model: str = Field(
        "",
        description=f"Name of the model; {DEFAULT_MODEL} if empty. `{OFFLINE}`: no provider is asked. "
        "`provider:name` for providers other than the endpoint, with a key of their own",
    )
    fallback_models: str = Field(
        "", description="Models that are asked in this order where the one before can't answer, comma-separated"
    )
    models: str = Field("", description="Models that a chat may choose, comma-separated; any if empty")
    agents_file: str = Field("", description="TOML file with the agents; those that come with Antiphon if empty")
    max_hand_overs: int = Field(3, ge=0, description="How often one reply may be handed over from agent to agent")
    plan_retries: int = Field(2, ge=0, description="How often a model may repair a plan that is not valid")
    price_provider: str = Field(
        "", description="Whose price list counts at the endpoint, such as openai; told by its address if empty"
    )
    breaker_failures: int = Field(
        5, ge=0, description="Failures in a row after which a provider is left alone; 0: it never is"
    )
    breaker_open_s: float = Field(30.0, gt=0, description="How long it is left alone before one reply tries again")
    replies_per_day: int = Field(0, ge=0, description="Replies a user may ask for in a day (UTC); 0: any number")
    tokens_per_day: int = Field(0, ge=0, description="Tokens a user's replies may take in a day (UTC); 0: any number")
    system_prompt: str = Field(
        "You are a helpful assistant in a shared conversation. Answer in Markdown.",
        description="What every model is told first",
    )
    context_tokens: int = Field(16_000, ge=256, description="Tokens of conversation that a model is shown at most")
    context_messages: int = Field(
        200, ge=1, le=1000, description="Messages of conversation that a model is shown at most"
    )
    generations: int = Field(100, ge=1, description="Replies that one worker writes at the same time")
    max_attempts: int = Field(5, ge=1, description="Workers that may die over one reply before it is given up")
    give_up_after_s: float = Field(900.0, gt=0, description="Age at which a reply that can't be begun is given up")
    first_token_s: float = Field(60.0, gt=0, description="Longest wait for a provider's first token")
    stall_s: float = Field(60.0, gt=0, description="Longest silence of a provider in the middle of a reply")
    total_s: float = Field(300.0, gt=0, description="Longest time a reply may take, retries included")
    retry_wait_s: float = Field(1.0, ge=0, description="Pause before the first retry of a provider; it doubles")
    retries: int = Field(3, ge=0, description="Retries of a provider before its first token")
    chunk_ms: int = Field(25, ge=0, description="A reply's chunks are at least so far apart, unless one is full")
    chunk_chars: int = Field(256, ge=1, description="A chunk with so many characters is full")
    offline_word_ms: int = Field(15, ge=0, description="Pause of the offline model between two words")
    sweep_s: float = Field(30.0, gt=0, description="How often replies that nobody works on are looked for")
    depth_s: float = Field(5.0, gt=0, description="How often the length of the queue is measured")
    drain_s: float = Field(2.0, ge=0, description="Time that running replies get to end when the worker is stopped")

    def allows(self, model: str) -> bool:
        """Whether a chat may be set to this model."""
        chosen = _names(self.models)
        return not chosen or model in {*chosen, self.model_name}

    @property
    def fallbacks(self) -> list[str]:
        """The models after the first, in order."""
        return _names(self.fallback_models)

    @property
    def configured(self) -> bool:
        """Whether a provider was named; otherwise the offline model answers."""
        named = self.openai_api_key.get_secret_value() or self.openai_base_url or self.model
        return bool(named) and self.model != OFFLINE

    @property
    def model_name(self) -> str:
        """The model as it is recorded with a reply."""
        return (self.model or DEFAULT_MODEL) if self.configured else OFFLINE


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
