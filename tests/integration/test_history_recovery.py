"""Stream or log lost: numbering goes on, nothing acknowledged is missed, and what is lost is said and on record."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import log
from services.history.audit import verifying
from services.history.chain import Anchor
from services.history.recovery import gaps
from shared import ids, subjects
from shared.bus import streams
from shared.bus.streams import wait_for_events
from tests.integration.test_history_erasure import erase
from tests.support.conversation import created, posted, put
from tests.support.logs import environment, is_green, is_red, log_head, reaches, surroundings, verified
from tests.support.servers import NatsServer, PostgresServer
from tests.support.services import running
from tests.support.system import antiphon


async def ran(*words: str, **environment: str) -> tuple[int, str]:
    answer = await asyncio.to_thread(antiphon, *words, **environment)
    return answer.returncode, answer.stdout + answer.stderr


@asynccontextmanager
async def copied(server: PostgresServer, url: str) -> AsyncIterator[str]:
    """A copy of the database as it is now: a backup that was restored. Nobody may be connected to the original."""
    name = f"copy_{ids.uuid7()[-12:]}"
    connection = await asyncpg.connect(server.url())
    try:
        source = url.rsplit("/", 1)[1]
        await connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{source}'")
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY file_copy')
        yield server.url(name)
    finally:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await connection.close()


async def epochs(engine: AsyncEngine) -> list[tuple[int, str, str]]:
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT first_seq, ordered_by, reason FROM log.epochs ORDER BY first_seq"))
        return [(row.first_seq, row.ordered_by, row.reason) for row in rows]


async def test_a_lost_stream_is_made_anew_behind_the_log(nats_server: NatsServer, database_url: str) -> None:
    env = environment(nats_server.url, database_url)
    async with surroundings(nats_server.url, database_url) as (bus, engine), running("history", env) as service:
        await wait_for_events(bus.js)
        for n in range(5):
            await put(bus, posted("s1", f"message {n}"))
        await reaches(engine, 5)
        before = await log.head(engine)
        code, said = await ran("restore-stream", **env)
        assert (code, "continues the log" in said) == (1, True)

        nats_server.kill()
        shutil.rmtree(nats_server.directory / "nats" / "jetstream")
        await nats_server.restart()
        await is_red(service, "leader", "the stream EVENTS is missing; run `antiphon restore-stream`")
        code, said = await ran("restore-stream", "--by", "ops", "--reason", "disk gone", **env)
        assert (code, "EVENTS goes on at 6" in said) == (0, True), said
        info = await wait_for_events(bus.js)
        after = await log.head(engine)
        assert after.epoch == streams.epoch_of(info) != before.epoch
        assert (await put(bus, posted("s1", "after"))).seq == 6
        await reaches(engine, 6)
        await is_green(service)
        assert [(first, by, why) for first, by, why in await epochs(engine)][1:] == [(6, "ops", "disk gone")]
        assert (await verifying.verify(engine, Anchor())).events == 6


async def test_a_stream_that_does_not_fit_is_replaced_only_where_it_holds_nothing_new(
    nats_url: str, database_url: str
) -> None:
    env = environment(nats_url, database_url)
    async with surroundings(nats_url, database_url) as (bus, engine):
        async with running("history", env):
            await wait_for_events(bus.js)
            for n in range(5):
                await put(bus, posted("s1", f"message {n}"))
            await reaches(engine, 5)
        epoch = (await log.head(engine)).epoch
        await bus.js.delete_stream(subjects.EVENTS)
        await bus.js.add_stream(streams.events_config(epoch))
        await put(bus, posted("s1", "acknowledged by a stream that somebody made"))
        code, said = await ran("restore-stream", **env)
        assert (code, "holds events that the log does not have, the last at 1" in said) == (1, True), said
        code, said = await ran("restore-stream", "--replace", **env)
        assert (code, "EVENTS goes on at 6" in said) == (0, True)

        await bus.js.delete_stream(subjects.EVENTS)
        await bus.js.add_stream(streams.events_config("another"))
        await put(bus, posted("s1"))
        code, said = await ran("restore-stream", **env)
        assert (code, "belongs to another log" in said) == (1, True)


async def test_an_older_backup_of_the_log_catches_up_by_itself_erasures_and_all(
    nats_url: str, database_url: str, postgres_server: PostgresServer
) -> None:
    async with surroundings(nats_url, database_url) as (bus, engine):  # noqa: SIM117
        async with running("history", environment(nats_url, database_url)):
            await wait_for_events(bus.js)
            await put(bus, created("s1"))
            old = posted("s1", "an old secret")
            await put(bus, old)
            await reaches(engine, 2)
    async with copied(postgres_server, database_url) as restored:
        async with surroundings(nats_url, database_url) as (bus, engine):  # noqa: SIM117
            async with running("history", environment(nats_url, database_url)):
                young = posted("s1", "a young secret")
                await put(bus, young)
                await put(bus, posted("s1", "said openly"))
                await reaches(engine, 4)
                await erase(bus, session_id="s1", message_ids=[old.id, young.id])
                await put(bus, posted("s1", "and on"))
                await reaches(engine, 6)
                original = await verified(engine)
        async with (
            surroundings(nats_url, restored) as (bus, engine),
            running("history", environment(nats_url, restored)),
        ):
            await reaches(engine, 6)
            assert await verified(engine) == original, "position 3 is nowhere else, and the chain is the same"
            async with engine.connect() as connection:
                left = await connection.execute(text("SELECT seq FROM log.events WHERE body IS NULL ORDER BY seq"))
                assert list(left.scalars()) == [2, 3]
            assert (await verifying.verify(engine, Anchor())).erased == 2


async def test_what_is_lost_in_both_is_named_and_passed_only_on_an_order_on_record(
    nats_url: str, database_url: str
) -> None:
    env = environment(nats_url, database_url)
    async with surroundings(nats_url, database_url) as (bus, engine):
        async with running("history", env):
            pass
        for _ in range(9):
            await put(bus, posted("s1"))
        for seq in (3, 4, 6):
            await bus.js.delete_msg(subjects.EVENTS, seq)
        async with running("history", env, wait_ready=False) as service:
            await is_red(service, "leader", "Positions are missing between the log and the stream")
            await is_red(service, "leader", ": 3 to 4")
            order = ("accept-gap", "--reason", "two disks at once", "--by", "ops")
            refusals = (("2", "4", "the log ends at 2"), ("3", "5", "not missing: 5"), ("3", "12", "ends at 9"))
            for first, last, why in refusals:
                code, said = await ran(*order, "--from", first, "--to", last, **env)
                assert (code, why in said) == (1, True), said
            assert await log_head(engine) == 2
            assert (await ran(*order, "--from", "3", "--to", "4", **env))[0] == 0
            await is_red(service, "leader", ": 6")
            assert (await ran(*order, "--from", "6", "--to", "6", **env))[0] == 0
            await reaches(engine, 9)
            await is_green(service)
        done = await verifying.verify(engine, Anchor())
        assert (done.events, done.gaps) == (9, 3)
        code, said = await ran("audit", "verify", **env)
        assert (code, "3 positions are on record as lost" in said) == (0, True), said
        async with engine.connect() as connection:
            row = (await connection.execute(text("SELECT body FROM log.events WHERE seq = 6"))).scalar_one()
            times = (
                (await connection.execute(text("SELECT stream_time_ns FROM log.events ORDER BY seq"))).scalars().all()
            )
        assert times == sorted(times), "what stands in a gap is no younger than what comes after it"
        assert gaps.told(gaps.SUBJECT, row) == {**(gaps.told(gaps.SUBJECT, row) or {}), "by": "ops", "from": 6, "to": 6}
