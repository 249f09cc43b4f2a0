"""What tokens cost, by the table that comes with the package."""

import pytest

from services.llm.pricing import cost_usd, total
from shared.events import Usage

USED = Usage(input_tokens=1000, output_tokens=100, cached_tokens=200)


def test_a_known_model_has_a_price_in_which_cached_tokens_are_cheaper() -> None:
    cost = cost_usd(USED, "gpt-5-mini", "openai")
    dearer = cost_usd(USED.model_copy(update={"cached_tokens": 0}), "gpt-5-mini", "openai")
    assert cost is not None
    assert dearer is not None
    assert 0 < cost < dearer < 0.01


def test_an_address_tells_whose_prices_count() -> None:
    assert cost_usd(USED, "gpt-5-mini", url="https://api.openai.com/v1") == cost_usd(USED, "gpt-5-mini", "openai")


@pytest.mark.parametrize(
    ("model", "provider", "url"),
    [
        ("gpt-5-mini", "", "http://127.0.0.1:11434/v1"),
        ("no-such-model", "openai", ""),
        ("gpt-5-mini", "nobody", ""),
        ("offline", "", ""),
    ],
)
def test_what_is_not_in_the_table_has_no_price_rather_than_none_at_all(model: str, provider: str, url: str) -> None:
    assert cost_usd(USED, model, provider, url) is None


def test_the_sum_of_requests_is_estimated_or_without_a_price_if_one_of_them_is() -> None:
    priced = USED.model_copy(update={"cost_usd": 0.25})
    assert total([]) is None
    assert total([priced, priced]) == Usage(input_tokens=2000, output_tokens=200, cached_tokens=400, cost_usd=0.5)
    mixed = total([priced, USED.model_copy(update={"estimated": True})])
    assert mixed is not None
    assert (mixed.estimated, mixed.cost_usd) == (True, None)
