"""Addresses of databases as people have them: with `sslmode` behind a `?`, misspelt, of a server that says nothing."""

import asyncio
import socket
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from services.ops import migrations
from shared import db
from shared.settings import DatabaseSettings
from tests.support.logs import filled
from tests.support.system import antiphon

COMMANDS = (("export", "--session", "s1"), ("audit", "verify"), ("parked", "list"), ("migrate",))


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://u:sekret@127.0.0.1:{server.getsockname()[1]}/db"


async def failing(url: str, *words: str) -> str:
    done = await asyncio.to_thread(antiphon, *words, "--database-url", url)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert "sekret" not in said
    return said


async def test_an_address_with_options_is_good_for_services_and_commands(database_url: str) -> None:
    url = f"{database_url}?sslmode=disable&search_path=public"
    async with db.engine(DatabaseSettings(database_url=url)) as engine:
        await filled(engine, 3)
    async with db.session_lock(url, 1, "test"):
        assert await asyncio.to_thread(migrations.current, url) == migrations.head()
    for words in COMMANDS[:2]:
        done = await asyncio.to_thread(antiphon, *words, "--database-url", url)
        assert done.returncode == 0, done.stderr


async def test_a_password_keeps_its_odd_characters(database_url: str) -> None:
    url = db.address("postgresql+asyncpg://u:a%23b%2Fc%25d@h:1/db?sslmode=require")
    assert url == "postgresql://u:a%23b%2Fc%25d@h:1/db?sslmode=require"
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine, engine.connect() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar() == 1


@pytest.mark.parametrize("words", COMMANDS)
async def test_a_database_that_can_not_be_reached_is_told_in_one_sentence(
    database_url: str, silent: str, words: tuple[str, ...]
) -> None:
    for url in (
        "postgresql://u:sekret@127.0.0.1:port/db",
        f"{database_url}?sslmode=require",
        f"{database_url}?sslmode=sometimes",
        f"{database_url}?there_is_no=such_setting",
    ):
        assert len((await failing(url, *words)).strip().splitlines()) == 1
    assert "TimeoutError" in await failing(silent, *words)
