"""What one part of a reply takes: tokens as the provider counts them, estimated where it doesn't, and their price."""

from dataclasses import dataclass, field

from pydantic import ValidationError
from pydantic_ai.messages import ModelResponse

from services.llm import pricing
from services.llm.context import estimate_tokens
from services.llm.models import Candidate
from services.llm.settings import OFFLINE
from services.llm.turn import Turn
from shared.events import Usage

MOST_TOKENS = 10**9  # of one request; whoever counts more does not count


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
        usage = None if self.candidate.name == OFFLINE else counted(response)
        self._parts.append(self._priced(usage or self._estimate()))
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


def counted(response: ModelResponse) -> Usage | None:
    """What the provider has counted; None if it has not, or if these are no numbers of tokens."""
    told = response.usage
    try:
        usage = Usage(
            input_tokens=told.input_tokens, output_tokens=told.output_tokens, cached_tokens=told.cache_read_tokens
        )
    except ValidationError:
        return None
    most = max(usage.input_tokens, usage.output_tokens, usage.cached_tokens)
    return usage if usage.output_tokens and most <= MOST_TOKENS else None
