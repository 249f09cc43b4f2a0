"""What tokens cost, by the price table of `genai-prices`, which comes with its package: nobody is asked at run time."""

from genai_prices import Usage as Counted
from genai_prices import calc_price

from shared.events import Usage


def cost_usd(usage: Usage, model: str, provider: str = "", url: str = "") -> float | None:
    """US dollars at today's prices of the provider (a name, or else the one at an address); None if none is known.

    Without provider and address nothing is known: a model of the same name elsewhere has another price.
    """
    if not provider and not url:
        return None
    counted = Counted(
        input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, cache_read_tokens=usage.cached_tokens
    )
    try:
        if provider:
            price = calc_price(counted, model, provider_id=provider)
        else:
            price = calc_price(counted, model, provider_api_url=url)
    except (LookupError, ValueError):  # no such provider, no such model, or counts that no price fits
        return None
    return float(price.total_price)


def total(parts: list[Usage]) -> Usage | None:
    """The sum of several requests, None of none. One that was estimated makes the sum so; one without a price, too."""
    if not parts:
        return None
    costs = [part.cost_usd for part in parts]
    return Usage(
        input_tokens=sum(part.input_tokens for part in parts),
        output_tokens=sum(part.output_tokens for part in parts),
        cached_tokens=sum(part.cached_tokens for part in parts),
        estimated=any(part.estimated for part in parts),
        cost_usd=None if None in costs else round(sum(cost or 0.0 for cost in costs), 9),
    )
