"""history signs its head now and then, and the table of checkpoints only grows."""

import asyncio

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.history import checkpoint, sealing
from services.ops import migrations
from shared import db
from shared.bus.streams import wait_for_events
from shared.settings import DatabaseSettings
from tests.support.conversation import posted, put
from tests.support.eventually import eventually
from tests.support.logs import environment, filled, reaches, surroundings, verified
from tests.support.services import running
from tests.support.system import antiphon

SEED = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEY = checkpoint.private_key(SEED)
PUBLIC = KEY.public_key().public_bytes_raw()


@pytest.mark.parametrize("setting", [{"ANTIPHON_CHECKPOINT_EVENTS": "5"}, {"ANTIPHON_CHECKPOINT_S": "0.5"}], ids=repr)
async def test_the_head_is_signed_after_so_many_events_and_after_so_long(
    nats_url: str, database_url: str, setting: dict[str, str]
) -> None:
    given = environment(nats_url, database_url) | {"ANTIPHON_SIGNING_KEY": SEED} | setting
    async with running("history", given), surroundings(nats_url, database_url) as (bus, engine):
        await wait_for_events(bus.js)
        for n in range(5):
            await put(bus, posted("s1", f"message {n}"))
        await reaches(engine, 5)

        async def signed() -> bool:
            async with engine.connect() as connection:
                found = await sealing.newest(connection)
            return found is not None and found.seq == 5

        await eventually(signed)
        answer = await asyncio.to_thread(antiphon, "audit", "checkpoint", "--database-url", database_url)
        made = checkpoint.from_json(orjson.loads(answer.stdout))
        checkpoint.check(made, PUBLIC)
        assert made.anchor == await verified(engine)


async def test_checkpoints_can_not_be_changed_or_removed(database_url: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 3)
        await sealing.seal(engine, KEY)
        await sealing.seal(engine, KEY)
        for statement in (
            "UPDATE log.checkpoints SET time_ns = 0",
            "DELETE FROM log.checkpoints",
            "TRUNCATE log.checkpoints",
        ):
            with pytest.raises(IntegrityError, match="only grows"):
                async with db.transaction(engine) as connection:
                    await connection.execute(text(statement))
        async with engine.connect() as connection:
            assert [one.seq for one in await sealing.stored(connection)] == [3]


async def test_the_migration_goes_down_and_up_with_checkpoints_in_it(database_url: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 3)
        await sealing.seal(engine, KEY)
        await migrations.upgrade(database_url, "0001")
        assert (await verified(engine)).seq == 3
        await migrations.upgrade(database_url)
        async with engine.connect() as connection:
            assert await sealing.newest(connection) is None


async def test_without_a_checkpoint_it_says_so(database_url: str) -> None:
    answer = await asyncio.to_thread(antiphon, "audit", "checkpoint", "--database-url", database_url)
    assert (answer.returncode, "nothing was signed yet" in answer.stderr) == (1, True)
