"""What is as large as the bus carries it can be read from the log: no event is in the way of those behind it."""

from typing import Any

import orjson

from services.history import log, pages
from services.history.entry import Entry
from services.history.pages import Exists, Pages, Read
from shared import db, ids
from shared.bus.connection import Bus
from shared.bus.query import QueryClient
from shared.bus.streams import wait_for_events
from shared.settings import DatabaseSettings
from tests.support.conversation import posted, put
from tests.support.logs import environment, erased, reaches, surroundings
from tests.support.services import running

MOST = 1024 * 1024 - 4096


def large(size: int, event_id: str = "") -> bytes:
    """A message that is no more than so many bytes, and as many as it can be."""
    made = posted("s1", event_id=event_id).model_dump(mode="json")
    made["data"]["more"] = ""
    made["data"]["more"] = "x" * (size - len(orjson.dumps(made)))
    return orjson.dumps(made)


async def all_of(bus: Bus, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = await QueryClient(bus).ask("history", "read", {"after": after, **asked}, 8)
        found += page["events"]
        after = page["next"]
    return found


async def test_a_large_event_is_not_in_the_way_of_the_next(nats_url: str, database_url: str) -> None:
    async with (
        running("history", environment(nats_url, database_url)),
        surroundings(nats_url, database_url) as (bus, engine),
    ):
        await wait_for_events(bus.js)
        event_id, most = ids.uuid7(), bus.client.max_payload
        bodies = [b"x" * 900_000, large(most, event_id), large(900_000), b"x" * most, b"y"]
        for body in bodies:
            await bus.client.request("event.s1", body, timeout=5)
        await put(bus, posted("s1"))
        await reaches(engine, 6)
        found = await all_of(bus)
        assert [one["seq"] for one in found] == [1, 2, 3, 4, 5, 6]
        assert [one.get("malformed", False) for one in found] == [True, False, False, True, True, False]
        assert [one.get("too_large", False) for one in found] == [True, True, False, True, False, False]
        assert [one.get("raw_bytes", one.get("body_bytes")) for one in found[:4]] == [900_000, most, None, most]
        assert [(one["body"], one.get("raw")) for one in (*found[:2], found[3])] == [(None, None)] * 3
        assert found[2]["body"] == orjson.loads(bodies[2])
        assert [one["seq"] for one in await all_of(bus, session_id="s1", limit=1)] == [1, 2, 3, 4, 5, 6]
        known = await QueryClient(bus).ask("history", "exists", {"actor": "ada", "id": event_id}, 8)
        assert (known["exists"], known["seq"], known["body"], known["body_bytes"]) == (True, 2, None, most)


async def test_many_events_that_grow_on_the_way_are_more_pages(nats_url: str, database_url: str) -> None:
    async with (
        running("history", environment(nats_url, database_url)),
        surroundings(nats_url, database_url) as (bus, engine),
    ):
        await wait_for_events(bus.js)
        for _ in range(8):
            await bus.client.request("event.s1", b"x" * 190_000, timeout=5)
        await reaches(engine, 8)
        found = await all_of(bus, max_bytes=pages.MAX_PAGE_BYTES)
        assert [one["seq"] for one in found] == list(range(1, 9))
        assert all("raw" in one and "too_large" not in one for one in found)


async def test_no_answer_is_longer_than_the_bus_carries(database_url: str) -> None:
    """Whatever is large in an event: its session, its actor, its type, its reply, what is left of it."""
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        epoch = (await log.head(engine)).epoch
        whole = orjson.loads(large(500_000))
        reply = orjson.dumps({**whole, "type": "a.fact.of.tomorrow", "data": {"reply_id": "\x01" * 150_000}})
        entries = [
            *(Entry(seq, seq, "event." + "\x01" * 600, b"odd") for seq in range(1, 301)),
            Entry(301, 301, "event.s1", reply),
            Entry(302, 302, "event.s1", large(MOST)),
        ]
        await log.append(engine, epoch, entries)
        await erased(engine, 302)
        answers = Pages(engine, lambda: MOST)
        seen, after = [], 0
        while after is not None:
            answer = await answers.read(Read(after=after, limit=1000, max_bytes=pages.MAX_PAGE_BYTES))
            assert len(answer) <= MOST
            page = orjson.loads(answer)["ok"]
            seen += [one["seq"] for one in page["events"]]
            after = page["next"]
        assert seen == list(range(1, 304))
        left = orjson.loads(await answers.read(Read(after=301)))["ok"]["events"][0]
        assert (left["erased"], left["too_large"], left["remains"]) == (True, True, None)
        assert left["remains_bytes"] > 1_000_000
        whole_page = orjson.loads(await Pages(engine).read(Read(after=300)))["ok"]
        assert whole_page["events"][0]["reply_id"] == "\x01" * 150_000, "who reads beside the bus is told everything"
        assert not orjson.loads(await answers.exists(Exists(actor="ada", id="none")))["ok"]["exists"]
