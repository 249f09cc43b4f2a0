"""Limits hold over time, and an origin is judged by one rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.limits import Buckets, TokenBucket
from services.gateway.origins import allowed


@given(st.lists(st.floats(0, 10), max_size=300))
def test_a_bucket_never_lets_through_more_than_burst_and_rate(pauses_s: list[float]) -> None:
    bucket, now_s, passed = TokenBucket(5, 10, 0.0), 0.0, 0
    for pause_s in pauses_s:
        now_s += pause_s
        passed += bucket.take(now_s)
        assert passed <= 10 + 5 * now_s + 1e-6


def test_zero_lifts_the_limit() -> None:
    bucket = TokenBucket(0, 0, 0.0)
    assert all(bucket.take(0.0) for _ in range(1000))


def test_addresses_are_counted_apart_and_told_how_long_to_wait() -> None:
    buckets = Buckets(per_minute=2)
    assert [buckets.take("a", 0.0) is None for _ in range(3)] == [True, True, False]
    assert buckets.take("b", 0.0) is None
    assert buckets.take("a", 0.0) == pytest.approx(30.0)
    assert buckets.take("a", 30.0) is None


def test_forgotten_addresses_cost_no_memory() -> None:
    buckets = Buckets(per_minute=1, max_keys=100)
    for number in range(10_000):
        buckets.take(str(number), 0.0)
    assert len(buckets._buckets) == 100


@pytest.mark.parametrize(
    ("origin", "host", "setting", "verdict"),
    [
        (None, "chat.example", set(), True),
        ("https://chat.example", "chat.example", set(), True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", set(), True),
        ("http://127.0.0.1:8001", "127.0.0.1:8000", set(), False),
        ("https://evil.example", "chat.example", set(), False),
        ("null", "chat.example", set(), False),
        ("", "", set(), False),
        ("https://app.example", "chat.example", {"https://app.example"}, True),
        ("https://app.example.evil", "chat.example", {"https://app.example"}, False),
        ("https://evil.example", "chat.example", {"*"}, True),
    ],
)
def test_origins(origin: str | None, host: str, setting: set[str], verdict: bool) -> None:
    assert allowed(origin, host, frozenset(setting)) is verdict
