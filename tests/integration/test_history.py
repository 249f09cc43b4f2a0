"""history as a process on real servers: what it stores, and what it answers."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import log
from services.history.entry import Entry
from shared import db, ids, subjects
from shared.bus.query import QueryClient
from shared.bus.streams import wait_for_events
from shared.settings import DatabaseSettings
from tests.support.conversation import created, posted, put
from tests.support.logs import environment, reaches, readiness, surroundings, verified
from tests.support.services import running


async def test_what_is_published_is_appended_and_can_be_asked_for(nats_url: str, database_url: str) -> None:
    async with (
        running("history", environment(nats_url, database_url)),
        surroundings(nats_url, database_url) as (bus, engine),
    ):
        notices = await bus.client.subscribe(subjects.LOG_APPENDED)
        await wait_for_events(bus.js)
        first = created("s1")
        await put(bus, first)
        for n in range(5):
            await put(bus, posted("s1" if n % 2 else "s2", f"message {n}"))
        await reaches(engine, 6)
        query = QueryClient(bus)

        head = await query.ask("history", "head", {})
        assert (head["seq"], head["hash"]) == (6, (await verified(engine)).hash.hex())
        page = await query.ask("history", "read", {"session_id": "s1", "after": 1})
        assert [event["seq"] for event in page["events"]] == [3, 5]
        assert (page["next"], page["at"], page["epoch"]) == (None, 6, head["epoch"])
        assert page["events"][0]["body"]["data"]["content"] == "message 1"
        everything = await query.ask("history", "read", {"limit": 4})
        assert ([event["seq"] for event in everything["events"]], everything["next"]) == ([1, 2, 3, 4], 4)
        small = await query.ask("history", "read", {"max_bytes": 1})
        assert ([event["seq"] for event in small["events"]], small["next"]) == ([1], 1)

        known = await query.ask("history", "exists", {"actor": "ada", "id": first.id})
        assert (known["exists"], known["seq"], known["session_id"]) == (True, 1, "s1")
        assert (known["body"]["id"], known["head"]["seq"]) == (first.id, 6)
        unknown = await query.ask("history", "exists", {"actor": "bob", "id": first.id})
        assert (unknown["exists"], unknown["seq"], unknown["head"]["seq"]) == (False, None, 6)
        assert b'"epoch"' in (await notices.next_msg()).data
        await notices.unsubscribe()


async def test_a_second_copy_of_an_id_is_kept_and_marked(nats_url: str, database_url: str) -> None:
    async with (
        running("history", environment(nats_url, database_url)),
        surroundings(nats_url, database_url) as (bus, engine),
    ):
        await wait_for_events(bus.js)
        event = posted("s1")
        await put(bus, event, "one")
        await put(bus, event, "two")
        await reaches(engine, 2)
        await put(bus, event, "three")
        await put(bus, posted("s1", event_id=event.id, actor="bob"))
        await reaches(engine, 4)
        page = await QueryClient(bus).ask("history", "read", {"session_id": "s1"})
        assert [event.get("duplicate_of") for event in page["events"]] == [None, 1, 1, None]


async def test_what_is_no_event_is_kept_as_it_is(nats_url: str, database_url: str) -> None:
    async with (
        running("history", environment(nats_url, database_url)) as service,
        surroundings(nats_url, database_url) as (bus, engine),
    ):
        await wait_for_events(bus.js)
        foreign = posted("s2")
        bodies = [b"\xff\x00 nonsense", b"", b'{"id": 1}', foreign.model_dump_json().encode()]
        for body in bodies:
            await bus.js.publish(subjects.event("s1"), body)
        await put(bus, posted("s1"))
        await reaches(engine, 5)
        page = await QueryClient(bus).ask("history", "read", {})
        assert [event.get("malformed", False) for event in page["events"]] == [True, True, True, True, False]
        async with engine.connect() as connection:
            stored = (await connection.execute(text("SELECT body FROM log.events ORDER BY seq LIMIT 4"))).scalars()
            assert list(stored) == bodies
        assert (await readiness(service))["status"] == "ok"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log.events SET body = NULL",
        "DELETE FROM log.events",
        "TRUNCATE log.events",
        "DELETE FROM log.head",
        "TRUNCATE log.head",
        "UPDATE log.head SET seq = 0",
    ],
)
async def test_the_log_only_grows(nats_url: str, database_url: str, statement: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        head = await log.head(engine)
        await log.append(engine, head.epoch, [Entry(1, 5, "event.s1", b"body")])
        for role in ("origin", "replica"):
            with pytest.raises(IntegrityError, match=r"the log only grows|does not go back"):
                await tampered(engine, role, statement)
        assert (await verified(engine)).seq == 1


async def tampered(engine: AsyncEngine, role: str, statement: str) -> None:
    async with db.transaction(engine) as connection:
        await connection.execute(text(f"SET session_replication_role = {role}"))
        await connection.execute(text(statement))


async def test_many_events_are_appended_at_speed(nats_url: str, database_url: str) -> None:
    async with surroundings(nats_url, database_url) as (bus, engine):
        async with running("history", environment(nats_url, database_url)):
            await wait_for_events(bus.js)
        await asyncio.gather(*(put(bus, posted(f"s{n % 50}", f"message {ids.uuid7()}")) for n in range(2000)))
        async with running("history", environment(nats_url, database_url)):
            await reaches(engine, 2000)
