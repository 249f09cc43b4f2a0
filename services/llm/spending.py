"""What one part of a reply takes: tokens as the provider counts them, estimated where it doesn't, and their price."""

from dataclasses import dataclass, field

from pydantic_ai.messages import ModelResponse

from services.llm import pricing
from services.llm.context import estimate_tokens
from services.llm.models import Candidate
from services.llm.settings import OFFLINE
from services.llm.turn import Turn
from shared.events import Usage


@dataclass(slots=True)
class Spending:
    """Adds to what the turn has been counted before, request by request."""

    turn: Turn
    candidate: Candidate
    _parts: list[Usage] = field(default_factory=list)
    _from: int | None = None  # the first piece of the request that runs

    def __post_init__(self) -> None:
        self._parts = [self.turn.counted] if self.turn.counted else []

    @property
    def is_fresh(self) -> bool:
        """Whether the request that runs has said nothing yet."""
        return self._from == len(self.turn.pieces)

    def asking(self) -> None:
        """A request goes out."""
        self._from = len(self.turn.pieces)

    def answered(self, response: ModelResponse) -> None:
        """It was answered as a whole."""
        counted = response.usage
        if counted.output_tokens and self.candidate.name != OFFLINE:
            usage = Usage(
                input_tokens=counted.input_tokens,
                output_tokens=counted.output_tokens,
                cached_tokens=counted.cache_read_tokens,
            )
        else:
            usage = self._estimate()
        self._parts.append(self._priced(usage))
        self._from = None
        self.turn.counted = pricing.total(self._parts)

    def broken_off(self) -> None:
        """It will not be answered as a whole; the provider counts what it has said all the same, and tells nobody."""
        if self._from is not None:
            self._parts.append(self._priced(self._estimate()))
            self._from = None
            self.turn.counted = pricing.total(self._parts)

    def _estimate(self) -> Usage:
        said = "".join(self.turn.pieces[self._from :])
        tokens = self.turn.context.tokens
        return Usage(input_tokens=tokens, output_tokens=estimate_tokens(said), estimated=True)

    def _priced(self, usage: Usage) -> Usage:
        c = self.candidate
        cost = pricing.cost_usd(usage, c.model.model_name, c.price_provider, c.price_url)
        return usage.model_copy(update={"cost_usd": cost})
