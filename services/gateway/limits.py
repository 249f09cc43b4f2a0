"""How much one connection, user or address may ask for. The clock is the caller's."""

from collections import OrderedDict


class TokenBucket:
    """Refills by `rate` tokens a second up to `burst`. A rate of 0 means no limit."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now_s: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now_s

    def take(self, now_s: float) -> bool:
        """Whether one more is allowed at `now_s` (seconds of a monotonic clock); if so, it is counted."""
        if self._rate == 0:
            return True
        self._tokens = min(self._burst, self._tokens + (now_s - self._at) * self._rate)
        self._at = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def give_back(self) -> None:
        """What was taken last was not used."""
        self._tokens = min(self._burst, self._tokens + 1)

    @property
    def wait_s(self) -> float:
        """How long until the next one would be allowed, as of the last `take`."""
        return 0.0 if self._rate == 0 else max(0.0, (1 - self._tokens) / self._rate)


class Buckets:
    """A bucket per key, for the most recent `max_keys` keys. What `burst` leaves out is a minute's worth."""

    def __init__(self, per_minute: float, burst: float | None = None, max_keys: int = 10_000) -> None:
        self._rate = per_minute / 60
        self._burst = per_minute if burst is None else burst
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key: str, now_s: float) -> float | None:
        """None if `key` may have one more, else the seconds to wait."""
        bucket = self._buckets.pop(key, None) or TokenBucket(self._rate, self._burst, now_s)
        self._buckets[key] = bucket
        if len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)
        return None if bucket.take(now_s) else bucket.wait_s
