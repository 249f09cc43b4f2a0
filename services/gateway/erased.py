"""Links of a chain after an erasure: a later event tells what is left of those that it erased."""

from collections.abc import Iterable

from services.gateway.chain import Link


def without_what_was_said(links: Iterable[Link], left: dict[int, bytes]) -> list[Link]:
    """The links, with only what is left of those that were erased."""
    return [Link(link.seq, link.prev, left[link.seq]) if link.seq in left else link for link in links]
