"""A process that keeps dying is started ever more rarely; one that lived is forgiven."""

from hypothesis import given
from hypothesis import strategies as st

from services.ops.backoff import Backoff


def test_pauses_double_up_to_ten_seconds() -> None:
    backoff = Backoff()
    assert [backoff.after(0.1) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_a_calm_life_starts_the_pauses_over() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after(1.0)
    assert backoff.after(10.0) == 0.2
    assert backoff.after(1.0) == 0.4


def test_the_first_death_is_answered_within_a_second() -> None:
    assert Backoff().after(0.0) < 1.0


@given(st.lists(st.floats(min_value=0, max_value=1e6), max_size=200))
def test_a_pause_is_never_longer_than_ten_seconds_nor_absent(lives_s: list[float]) -> None:
    backoff = Backoff()
    assert all(0 < backoff.after(lived_s) <= 10.0 for lived_s in lives_s)
