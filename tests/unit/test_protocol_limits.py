"""Limits hold over time, and an origin is judged by one rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.addresses import Addresses
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


HERE = "http://*:8000, http://*:8001/"
TWO = "https://one.example,https://two.example:8443"


@pytest.mark.parametrize(
    ("listed", "host", "seen"),
    [
        ("", "localhost:8000", []),
        (HERE, "localhost:8001", ["http://localhost:8000", "http://localhost:8001"]),
        (HERE, "[::1]:8000", ["http://[::1]:8000", "http://[::1]:8001"]),
        (HERE, "LOCALHOST:8000", ["http://localhost:8000", "http://localhost:8001"]),
        (HERE, "chat.example", []),
        (HERE, "localhost:80000", []),
        (HERE, "a; script-src *:8000", []),
        (HERE, None, []),
        (TWO, "two.example:8443", ["https://one.example", "https://two.example:8443"]),
        (TWO, "two.example", []),
    ],
)
def test_who_came_by_a_gateways_own_address_is_told_all_of_them(listed: str, host: str | None, seen: list[str]) -> None:
    assert list(Addresses(listed).seen_by(host)) == seen


@pytest.mark.parametrize("listed", ["localhost:8000", "ws://localhost:8000", "http://a/path", "http://a b", "*"])
def test_what_is_no_address_is_refused(listed: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        Addresses(listed)


@pytest.mark.parametrize(
    ("origin", "host", "verdict"),
    [
        ("http://localhost:8001", "localhost:8000", True),
        ("http://127.0.0.1:8001", "localhost:8000", False),
        ("http://localhost:8002", "localhost:8000", False),
        ("https://localhost:8001", "localhost:8000", False),
        ("http://localhost:8001", "evil.example", False),
    ],
)
def test_pages_of_one_gateway_may_call_the_others(origin: str, host: str, verdict: bool) -> None:
    assert allowed(origin, host, frozenset(), Addresses(HERE).seen_by(host)) is verdict
