"""What anybody may publish and the log's columns can't hold: it keeps its place, means nothing, and history goes on."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import continuing, log
from services.history.audit import verifying
from services.history.chain import Anchor
from services.history.entry import LONG, MOST_BYTES, ODD, Entry
from services.history.recovery import restoring
from shared import db, ids, subjects
from shared.bus.streams import wait_for_events
from shared.events import ContentErased, Remains, encode
from shared.settings import DatabaseSettings
from tests.support.conversation import envelope, posted, put
from tests.support.logs import environment, reaches, surroundings
from tests.support.services import running

LENGTHY = "".join(ids.uuid7().replace("-", "")[10:] for _ in range(180))  # the database can't compress it
ROWS = "SELECT seq, session_id, subject, actor, malformed FROM log.events ORDER BY seq"
DIGEST = "0" * 64


def event(**changed: Any) -> bytes:
    """A message in s1, but for what is changed."""
    return orjson.dumps({**orjson.loads(encode(posted("s1"))), **changed})


def order(said: bytes | None = None, instead: bytes = b"", **changed: Any) -> bytes:
    """An order to erase position 1, but for what is changed in its data, and then in its bytes."""
    left = [Remains(seq=1, time_ns=1, digest=DIGEST, body={"kept": "this"})]
    made = orjson.loads(encode(envelope("s1", ContentErased(seqs=[1], reason="asked for", remains=left))))
    body = orjson.dumps({**made, "data": {**made["data"], **changed}})
    assert said is None or said in body
    return body if said is None else body.replace(said, instead)


def nested(depth: int) -> bytes:
    return b'"kept":' + b"[" * depth + b"]" * depth


UNFIT = {
    "a long actor": event(actor=LENGTHY),
    "an actor in long characters": event(actor="\N{MUSICAL SYMBOL G CLEF}" * 700),
    "a long type": event(type=LENGTHY),
    "a time before the first year": event(time="0001-01-01T00:00:00+23:59"),
    "a time after the last year": event(time="9999-12-31T23:59:59-23:59"),
    "a position that is too high": order(b'"seqs":[1]', b'"seqs":[9223372036854775808]'),
    "a position that is none": order(b'"seqs":[1]', b'"seqs":[0]'),
    "a position in a text": order(b'"seqs":[1]', b'"seqs":["1"]'),
    "a position that is true": order(b'"seqs":[1]', b'"seqs":[true]'),
    "a position with a fraction": order(b'"seqs":[1]', b'"seqs":[1.0]'),
    "an order with a NUL": order(reason="a\x00"),
    "remains with a NUL in a name": order(b'"kept":"this"', b'"ke\\u0000pt":"this"'),
    "remains with a number that is too high": order(b'"kept":"this"', b'"kept":%d' % 10**30),
    "remains that are too deep": order(b'"kept":"this"', nested(300)),
    "remains of a time that is too late": order(b'"time_ns":1,', b'"time_ns":%d,' % 2**63),
}
FIT = {
    "a long reply": event(type="a.fact.of.tomorrow", data={"reply_id": LENGTHY}),
    "a reply that is no text": event(type="a.fact.of.tomorrow", data={"reply_id": 5}),
    "a reply with a NUL": event(type="a.fact.of.tomorrow", data={"reply_id": "\x00"}),
    "the longest actor": event(actor=LENGTHY[: MOST_BYTES - 36]),
    "the first moment": event(time="0001-01-01T00:00:00Z"),
    "the last moment": event(time="9999-12-31T23:59:59.999999Z"),
    "an order with a backslash": order(reason="not a NUL: \\u0000", remains=[]),
}


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    async with db.engine(DatabaseSettings(database_url=database_url)) as found:
        yield found


async def rows(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        return list((await connection.execute(text(ROWS))).all())


@pytest.mark.parametrize("what", [*UNFIT, *FIT])
async def test_what_fits_no_column_keeps_its_place(engine: AsyncEngine, what: str) -> None:
    bodies = [encode(posted("s1")), (UNFIT | FIT)[what], encode(posted("s1"))]
    epoch = (await log.head(engine)).epoch
    given = [Entry(seq, seq, "event.s1", body) for seq, body in enumerate(bodies, 1)]
    at = (await log.append(engine, epoch, given[:1])).at
    async with db.autocommit(engine) as raw:
        if await continuing.append(raw, epoch, at, given[1:]) is None:
            await log.append(engine, epoch, given[1:])
    assert [row.malformed for row in await rows(engine)] == [False, what in UNFIT, False]
    assert (await verifying.verify(engine, Anchor())).events == 3


@pytest.mark.parametrize(
    ("subject", "session_id"),
    [
        (subjects.event(LENGTHY), LONG),
        (subjects.event(LENGTHY[:MOST_BYTES]), LENGTHY[:MOST_BYTES]),
        (subjects.event("\N{MUSICAL SYMBOL G CLEF}" * 700), LONG),
        ("event.a\x00b", "hex." + b"event.a\x00b".hex()),
    ],
    ids=["long", "just not too long", "long in bytes", "with a NUL"],
)
async def test_odd_subjects_do_not_stop_history(
    nats_url: str, database_url: str, engine: AsyncEngine, subject: str, session_id: str
) -> None:
    async with (
        running("history", environment(nats_url, database_url)),
        surroundings(nats_url, database_url) as (bus, _),
    ):
        await wait_for_events(bus.js)
        await put(bus, posted("s1"))
        await bus.client.request(subject, b"odd", timeout=2)
        await put(bus, posted("s1"))
        await reaches(engine, 3)
    odd = (await rows(engine))[1]
    assert odd.subject == (ODD + subject.encode().hex() if "\x00" in subject else subject)
    assert (odd.session_id.startswith(session_id), odd.malformed) == (True, True)
    assert (await verifying.verify(engine, Anchor())).events == 3


async def test_a_log_with_odd_subjects_is_continued_by_a_new_stream(
    nats_url: str, database_url: str, engine: AsyncEngine
) -> None:
    env = environment(nats_url, database_url)
    async with surroundings(nats_url, database_url) as (bus, _):
        async with running("history", env):
            await wait_for_events(bus.js)
            for subject in ("event.a\x00b", subjects.event(LENGTHY)):
                await bus.client.request(subject, b"odd", timeout=2)
            await reaches(engine, 2)
        await bus.js.delete_stream(subjects.EVENTS)
        await restoring.restore(bus, engine, "ada", "lost", 1, replace=False)
        async with running("history", env):
            await put(bus, posted("s1"))
            await reaches(engine, 3)
    assert (await verifying.verify(engine, Anchor())).events == 3


async def test_a_session_that_an_older_release_kept_whole_still_verifies(engine: AsyncEngine) -> None:
    epoch, subject = (await log.head(engine)).epoch, subjects.event("a" * (MOST_BYTES + 1))
    await log.append(engine, epoch, [Entry(1, 1, subject, b"odd")])
    async with db.transaction(engine) as connection:
        await connection.execute(text("ALTER TABLE log.events DISABLE TRIGGER USER"))
        await connection.execute(text("UPDATE log.events SET session_id = substr(subject, 7)"))
    assert (await verifying.verify(engine, Anchor())).events == 1


async def test_bytes_that_are_no_text_in_a_subject_do_not_stop_history(
    nats_url: str, database_url: str, engine: AsyncEngine
) -> None:
    async with (
        running("history", environment(nats_url, database_url)),
        surroundings(nats_url, database_url) as (bus, _),
    ):
        await wait_for_events(bus.js)
        bus.client._pending.append(b"PUB event.a\xff 3\r\nodd\r\n")
        await put(bus, posted("s1"))
        await reaches(engine, 2)
    assert [row.malformed for row in await rows(engine)] == [True, False]
