"""Statements past SQLAlchemy fail as SQLAlchemy's do, so what is decided by the kind of failure stays as it is."""

import pytest
from sqlalchemy import bindparam, select, text, type_coerce
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.types import BigInteger

from services.projector import store, tables
from services.projector.projection import is_about_data
from services.projector.quick import NoTransaction, Quick
from services.projector.source import LogMissing, page
from shared import db
from shared.settings import DatabaseSettings

NUMBER = select(type_coerce(bindparam("number"), BigInteger).label("number"))


async def cut_off(pool: AsyncEngine) -> None:
    """A transaction whose connection is ended by the server."""
    async with db.transaction(pool) as connection:
        await connection.execute(text("SELECT 1"))
        await (await Quick.of(connection)).fetch_text("SELECT pg_terminate_backend(pg_backend_pid())")


async def test_without_a_transaction_nothing_is_run(database_url: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as pool, pool.connect() as connection:
        with pytest.raises(NoTransaction):
            await Quick.of(connection)
        await connection.execute(text("SELECT 1"))
        quick = await Quick.of(connection)
        assert [row["number"] for row in await quick.fetch(NUMBER, {"number": 2**40})] == [2**40]


async def test_the_schema_is_the_one_of_the_connection(database_url: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as pool:
        for name, seq in (("one", 5), ("two", 7)):
            engine = store.in_schema(pool, name)
            await store.create(engine, name)
            async with db.transaction(engine) as connection:
                await store.checkpoint(connection)
                await store.move_checkpoint(await Quick.of(connection), store.Checkpoint("e", seq))
        for name, seq in (("one", 5), ("two", 7)):
            async with store.in_schema(pool, name).connect() as connection:
                assert (await store.checkpoint(connection)).seq == seq


async def test_failures_are_of_the_kind_they_would_have_been(database_url: str, blank_database_url: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as pool:
        async with pool.connect() as connection:
            await connection.execute(text("SELECT 1"))
            with pytest.raises(ProgrammingError) as missing:
                await (await Quick.of(connection)).fetch(select(tables.parked))
            assert not is_about_data(missing.value)
        async with pool.connect() as connection:
            await connection.execute(text("SELECT 1"))
            with pytest.raises(DBAPIError) as refused:
                await (await Quick.of(connection)).fetch_text("SELECT '{'::jsonb")
            assert is_about_data(refused.value)
        async with pool.connect() as connection:
            await connection.execute(text("SELECT 1"))
            with pytest.raises(DBAPIError) as unsuitable:
                await (await Quick.of(connection)).fetch(NUMBER, {"number": "many"})
            assert is_about_data(unsuitable.value)
        with pytest.raises(DBAPIError) as cut:
            await cut_off(pool)
        assert not is_about_data(cut.value)
        async with db.transaction(pool) as connection:
            await connection.execute(text("SELECT 1"))
            assert await page(await Quick.of(connection), 0, 10) == [], "the pool has a connection that works"
    async with db.engine(DatabaseSettings(database_url=blank_database_url)) as pool, pool.connect() as connection:
        await connection.execute(text("SELECT 1"))
        with pytest.raises(LogMissing):
            await page(await Quick.of(connection), 0, 10)
