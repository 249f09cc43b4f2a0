"""One circuit breaker per provider, shared by everything that a worker writes.

Closed: everybody asks. Open, after so many failures in a row: nobody does, for a while. Then one asks (half-open), and
what becomes of that decides for all.
"""

from dataclasses import dataclass

from services.llm.metrics import BREAKER
from shared.events.replies import FailReason
from shared.logging import get_logger

log = get_logger("breaker")

OUTAGES: frozenset[FailReason] = frozenset({"unreachable", "timeout", "provider_error"})
CLOSED, HALF_OPEN, OPEN = 0, 1, 2


@dataclass(slots=True)
class Breaker:
    """`threshold` failures in a row open it (0: never) for `open_s` seconds. Times are those of any steady clock."""

    provider: str
    threshold: int
    open_s: float
    failures: int = 0
    opened_at: float = 0.0
    probing: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the provider is taken to be down."""
        return 0 < self.threshold <= self.failures

    def admits(self, now: float) -> bool:
        """Whether to ask. One that is let through while it is open must tell what became of it."""
        if not self.is_open:
            return True
        if self.probing or now < self.opened_at + self.open_s:
            return False
        self.probing = True
        BREAKER.labels(self.provider).set(HALF_OPEN)
        return True

    def told(self, reason: FailReason | None, now: float) -> None:
        """What became of a question: a failure by its reason, or None for an answer. A refusal is an answer, too."""
        was_open, self.probing = self.is_open, False
        if reason not in OUTAGES:
            self.failures = 0
        else:
            self.failures += 1
            self.opened_at = now
        BREAKER.labels(self.provider).set(OPEN if self.is_open else CLOSED)
        if was_open != self.is_open:
            log.warning("breaker_moved", provider=self.provider, open=self.is_open, failures=self.failures)

    def answers(self) -> None:
        """The provider has begun to answer: where one question decides for all, it has decided."""
        if self.probing:
            self.told(None, self.opened_at)

    def untold(self) -> None:
        """Nothing is known about a question: it was broken off here."""
        self.probing = False
