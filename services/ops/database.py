"""What `antiphon` itself asks PostgreSQL: is it there, and does the database exist?"""

import re
from urllib.parse import urlsplit, urlunsplit

import asyncpg

CONNECT_S = 3.0


def plain(url: str) -> str:
    """The address as PostgreSQL's own clients write it: without SQLAlchemy's driver name."""
    return re.sub(r"^(postgres|postgresql)(\+\w+)?:", "postgresql:", url)


def masked(url: str) -> str:
    """The address without its password, for messages."""
    return re.sub(r"(://[^:/@]+):[^@]*@", r"\1@", url)


async def fault(url: str) -> str | None:
    """Why the database at `url` doesn't answer within 3 s, None if it does."""
    try:
        connection = await asyncpg.connect(plain(url), timeout=CONNECT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        return str(error) or type(error).__name__
    await connection.close(timeout=CONNECT_S)
    return None


async def answers(url: str) -> bool:
    """Whether the database at `url` accepts connections."""
    return await fault(url) is None


async def ensure_database(url: str) -> None:
    """The database that `url` names exists. Its server is ready, and its user may create databases."""
    parts = urlsplit(plain(url))
    name = parts.path.removeprefix("/")
    connection = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")), timeout=CONNECT_S)
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(f'create database "{name}"')
    finally:
        await connection.close(timeout=CONNECT_S)
