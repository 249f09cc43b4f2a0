"""When the bus counts as away: never because nobody asked, and soon once it does not answer."""

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.outages import Outages


@given(st.floats(1, 120), st.just(0) | st.floats(1, 120), st.floats(0, 1))
def test_a_bus_that_answers_whenever_it_is_asked_is_never_away(quiet_s: float, lost_s: float, phase: float) -> None:
    outages = Outages(quiet_s, lost_s)
    assert 0.2 < outages.look_s <= 5
    assert abs(5 / outages.look_s - round(5 / outages.look_s)) < 1e-9, "it divides the time between two sweeps"
    ticks, heard_at = 0, phase * outages.look_s
    outages.heard(0)
    while ticks < 100:
        ticks += 1
        if heard_at < ticks * outages.tick_s:
            heard_at += outages.look_s
            outages.heard(0)
        outages.tick(outages.tick_s)
        assert not outages.is_quiet
        assert not outages.is_lost


@given(st.floats(1, 120))
def test_one_that_does_not_answer_is_away_in_time(quiet_s: float) -> None:
    outages = Outages(quiet_s)
    silent_s = 0.0
    while not outages.is_quiet:
        outages.tick(outages.tick_s)
        silent_s += outages.tick_s
    assert quiet_s - 1e-6 <= silent_s <= quiet_s + outages.tick_s
