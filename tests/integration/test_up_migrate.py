"""`antiphon migrate`: to the newest schema, to an older one, or onto paper."""

import asyncio

import asyncpg

from services.ops import migrations
from tests.support.system import antiphon


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("select table_name from information_schema.tables where table_schema = 'log'")
        return {row["table_name"] for row in rows}
    finally:
        await connection.close()


async def migrate(url: str, *words: str) -> str:
    answer = await asyncio.to_thread(antiphon, "migrate", "--database-url", url, *words)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


async def test_the_schema_goes_up_and_down_and_up_again(blank_database_url: str) -> None:
    newest = migrations.head()
    assert f"schema is at {newest}" in await migrate(blank_database_url)
    assert "events" in await tables(blank_database_url)
    assert "schema is at base" in await migrate(blank_database_url, "--to", "base")
    assert "events" not in await tables(blank_database_url)
    assert f"schema is at {newest}" in await migrate(blank_database_url, "--to", str(newest))


async def test_migrating_twice_changes_nothing(database_url: str) -> None:
    before = await tables(database_url)
    await migrate(database_url)
    assert await tables(database_url) == before


async def test_sql_is_printed_and_not_run(blank_database_url: str) -> None:
    assert "CREATE TABLE" in (await migrate(blank_database_url, "--sql")).upper()
    assert await tables(blank_database_url) == set()


async def test_an_unknown_revision_is_one_sentence(database_url: str) -> None:
    answer = await asyncio.to_thread(antiphon, "migrate", "--database-url", database_url, "--to", "nowhere")
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "nowhere" in answer.stderr
