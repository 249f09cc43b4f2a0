"""Schema `log` up and down."""

import io

from sqlalchemy import text

from services.history import log
from services.history.entry import Entry
from services.ops import migrations
from shared import db
from shared.settings import DatabaseSettings


async def test_migrations_go_up_and_down_with_data(blank_database_url: str) -> None:
    await migrations.upgrade(blank_database_url)
    async with db.engine(DatabaseSettings(database_url=blank_database_url)) as engine:
        first = await log.head(engine)
        await log.append(engine, first.epoch, [Entry(1, 5, "event.s1", b"body")])
        await migrations.upgrade(blank_database_url)
        assert (await log.head(engine)).seq == 1
        await migrations.upgrade(blank_database_url, "base")
        async with engine.connect() as connection:
            schemas = text("SELECT count(*) FROM pg_namespace WHERE nspname = 'log'")
            assert (await connection.execute(schemas)).scalar_one() == 0
        await migrations.upgrade(blank_database_url)
        assert (await log.head(engine)).epoch != first.epoch


def test_the_statements_of_a_migration_can_be_reviewed() -> None:
    output = io.StringIO()
    configured = migrations.config("postgresql://")
    configured.output_buffer = output
    migrations.migrate(configured, "head", sql=True)
    assert "CREATE TABLE log.events" in output.getvalue()
    assert "ENABLE ALWAYS TRIGGER" in output.getvalue()
