"""What a gateway remembers of sessions that nobody listens to is bounded in number, age and bytes."""

import gc
import tracemalloc
from dataclasses import dataclass
from typing import cast

from services.gateway import measures
from services.gateway.cache import Cache
from services.gateway.chain import Link
from services.gateway.feed import Feed
from services.gateway.source import Source
from shared import ids
from shared.bus.connection import Bus
from shared.events import SessionCreated, encode, wrap
from tests.support.feeds import message


@dataclass
class Thing:
    session_id: str


def evicted(cause: str) -> float:
    return float(measures.CACHE_EVICTIONS.labels(cause)._value.get())


def test_the_longest_unused_goes_first() -> None:
    cache, before = Cache[Thing](2, 100, 1000), evicted("count")
    for name in "abc":
        cache.put(Thing(name), 10, 0)
    assert cache.take("a", 1) is None
    assert cache.take("b", 1) == Thing("b")
    assert cache.take("b", 1) is None
    assert (len(cache), cache.bytes) == (1, 10)
    assert evicted("count") == before + 1


def test_nothing_is_kept_for_longer_than_the_age() -> None:
    cache, before = Cache[Thing](10, 100, 1000), evicted("age")
    cache.put(Thing("old"), 10, 0)
    cache.put(Thing("new"), 10, 50)
    assert cache.take("old", 101) is None
    assert cache.take("new", 101) == Thing("new")
    assert evicted("age") == before + 1


def test_bytes_are_bounded_and_one_thing_too_large_is_not_kept() -> None:
    cache, before = Cache[Thing](10, 100, 25), evicted("bytes")
    for name in "abc":
        cache.put(Thing(name), 10, 0)
    assert (len(cache), cache.bytes) == (2, 20)
    cache.put(Thing("huge"), 26, 0)
    assert (len(cache), cache.bytes) == (0, 0)
    assert evicted("bytes") == before + 4


def test_hits_and_misses_are_counted() -> None:
    def counted() -> list[float]:
        return [float(measures.CACHE.labels(what)._value.get()) for what in ("hit", "miss")]

    cache, (hits, misses) = Cache[Thing](10, 100, 1000), counted()
    cache.put(Thing("a"), 10, 0)
    for name in "ab":
        cache.take(name, 0)
    assert counted() == [hits + 1, misses + 1]


def conversation() -> list[bytes]:
    """A session with three messages, as the log has it."""
    created = SessionCreated(owner="ann", chat_id="c")
    first = wrap(created, event_id=ids.uuid7(), session_id="s", source="t", actor="ann")
    return [encode(first)] + [message("s", "c", "x" * 1000) for _ in range(3)]


def remembered(bodies: list[bytes], number: int) -> Feed:
    """That session under another name, as it is when its last listener has left."""
    feed = Feed(cast(Bus, None), cast(Source, None), f"s{number}", lambda: None)
    for seq, body in enumerate(bodies, 1):
        feed.fold.apply(Link(seq, seq - 1, body.replace(b'"s"', b'"s%d"' % number)))
    return feed


def test_memory_stays_flat_over_many_sessions() -> None:
    """20,000 sessions through room for 500: what holds for these holds for a million, which would take minutes."""
    cache, bodies = Cache[Feed](500, 1800, 64 * 1024 * 1024), conversation()
    sizes: list[int] = []
    tracemalloc.start()
    try:
        for number in range(20_000):
            feed = remembered(bodies, number)
            cache.put(feed, feed.fold.memory_bytes, number / 1000)
            if number in (1_999, 19_999):
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert len(cache) == 500
    assert sizes[1] < sizes[0] * 1.05
    assert 0.5 < cache.bytes / sizes[1] < 2, f"what it counts is about what it takes: {cache.bytes} {sizes[1]}"
