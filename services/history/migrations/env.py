"""Runs the scripts: over a given connection, over a new one, or as SQL on paper.

The version is kept in `public.log_version`, so that it outlives the schema it is about.
"""

import asyncio

from alembic import context
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared import db

VERSION_TABLE = "log_version"
MIGRATION_LOCK = 0x616E7469_00000000  # one migration at a time


def _run(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    context.configure(connection=connection, version_table=VERSION_TABLE)
    with context.begin_transaction():
        context.run_migrations()


async def _run_online(url: str) -> None:
    engine = create_async_engine(db.ASYNCPG, poolclass=NullPool, connect_args=db.reaching(url))
    try:
        async with db.transaction(engine) as connection:
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


def _run_offline(url: str) -> None:
    context.configure(
        url=make_url(url).set(drivername="postgresql"),
        dialect_name="postgresql",
        version_table=VERSION_TABLE,
        literal_binds=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """The database is at the wanted revision, or the statements for it are written."""
    url = context.config.get_main_option("sqlalchemy.url") or "postgresql://"
    given: Connection | None = context.config.attributes.get("connection")
    if context.is_offline_mode():
        _run_offline(url)
    elif given is not None:
        _run(given)
    else:
        asyncio.run(_run_online(url))


main()
