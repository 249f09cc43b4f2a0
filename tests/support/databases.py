"""A database of its own for each test, cloned from one that was migrated once."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from services.ops import migrations
from tests.support.servers import PostgresServer

TEMPLATE = "template_antiphon"


async def make_template(server: PostgresServer) -> None:
    """The server has a database with the newest schema that others are cloned from."""
    await _execute(server, f'create database "{TEMPLATE}"')
    await migrations.upgrade(server.url(TEMPLATE))


@asynccontextmanager
async def cloned(server: PostgresServer, template: str) -> AsyncIterator[str]:
    """The address of a new database like `template`; it is dropped afterwards, whoever is still connected."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _execute(server, f'create database "{name}" template "{template}" strategy file_copy')
    try:
        yield server.url(name)
    finally:
        await _execute(server, f'drop database "{name}" with (force)')


async def _execute(server: PostgresServer, statement: str) -> None:
    connection = await asyncpg.connect(server.url())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
