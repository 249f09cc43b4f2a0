"""What one user may have answered in a day: so many replies, so many tokens. Days are those of UTC.

The projector knows what was asked for and what the replies took; what this worker is writing comes on top. Replies are
counted exactly, in the order they were asked for; tokens are known when a reply has ended, so the last one may go over.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from services.llm.failures import GenerationFailedError
from services.llm.settings import LlmSettings
from shared.bus.query import QueryClient

PROJECTOR = "projector"
QUERY_S = 5.0


class Quota:
    """The limits of the settings, for one worker."""

    def __init__(self, queries: QueryClient, settings: LlmSettings) -> None:
        self._queries = queries
        self._replies = settings.replies_per_day
        self._tokens = settings.tokens_per_day
        self._writing: Counter[str] = Counter()

    async def check(self, user: str, asked_seq: int) -> None:
        """Returns if the user may have the reply that was asked for at `asked_seq`.

        Raises:
            GenerationFailedError: not today; the words say when again.
            Unavailable: the projector is away or behind.
        """
        if not self._replies and not self._tokens:
            return
        now = datetime.now(UTC)
        since = now.replace(hour=0, minute=0, second=0, microsecond=0)
        asked = {"user": user, "since": since.isoformat(), "up_to_seq": asked_seq, "min_seq": asked_seq}
        spent = await self._queries.ask(PROJECTOR, "spent", asked, QUERY_S)
        tokens = spent["tokens"] + self._writing[user]
        if self._replies and spent["requests"] > self._replies:
            raise GenerationFailedError("quota_exceeded", words(f"{self._replies} replies", now))
        if self._tokens and tokens >= self._tokens:
            raise GenerationFailedError("quota_exceeded", words(f"{self._tokens} tokens", now))

    @contextmanager
    def writing(self, user: str, tokens: int) -> Iterator[None]:
        """Inside, a reply for the user is written that takes `tokens` at least."""
        self._writing[user] += tokens
        try:
            yield
        finally:
            self._writing[user] -= tokens
            if self._writing[user] <= 0:
                del self._writing[user]


def words(limit: str, now: datetime) -> str:
    """What somebody is told who has used up a limit."""
    tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    minutes = -(-(tomorrow - now) // timedelta(minutes=1))
    left = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    return f"You have used up your {limit} for today. You can go on at 00:00 UTC, in {left}."
