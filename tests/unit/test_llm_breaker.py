"""A provider that is down is left alone, and one question decides when it is back."""

import pytest

from services.llm.breaker import Breaker
from shared.events.replies import FailReason


def opened(at: float = 100.0) -> Breaker:
    breaker = Breaker("p", threshold=3, open_s=30.0)
    for _ in range(3):
        assert breaker.admits(at)
        breaker.told("unreachable", at)
    return breaker


def test_it_opens_after_failures_in_a_row_and_lets_one_through_when_its_time_is_over() -> None:
    breaker = opened()
    assert breaker.is_open
    assert not breaker.admits(129.9)
    assert breaker.admits(130.0)
    assert not breaker.admits(130.0), "one asks, the others wait for what becomes of it"


def test_an_answer_closes_it_and_another_failure_keeps_it_open_as_long_again() -> None:
    breaker = opened()
    assert breaker.admits(130.0)
    breaker.told("timeout", 131.0)
    assert not breaker.admits(160.0)
    assert breaker.admits(161.0)
    breaker.answers()  # the first token is enough
    assert not breaker.is_open
    assert breaker.admits(161.0)
    assert breaker.admits(161.0)


def test_a_question_that_was_broken_off_here_lets_another_one_ask() -> None:
    breaker = opened()
    assert breaker.admits(130.0)
    breaker.untold()
    assert breaker.is_open
    assert breaker.admits(130.0)


@pytest.mark.parametrize("reason", [None, "refused", "rate_limited", "bad_configuration", "too_long"])
def test_whoever_refuses_is_not_down(reason: FailReason | None) -> None:
    breaker = Breaker("p", threshold=3, open_s=30.0)
    for _ in range(5):
        for told in ("provider_error", "timeout", reason):
            breaker.told(told, 1.0)  # type: ignore[arg-type]
    assert not breaker.is_open


def test_without_a_threshold_it_never_opens() -> None:
    breaker = Breaker("p", threshold=0, open_s=30.0)
    for _ in range(100):
        breaker.told("unreachable", 1.0)
    assert breaker.admits(1.0)
