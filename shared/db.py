"""PostgreSQL: engines, and the only place that commits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import asyncpg
import asyncpg.connection
import orjson
from sqlalchemy import make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.settings import DatabaseSettings

ASYNCPG = "postgresql+asyncpg://"  # the driver; the address is asyncpg's own matter
OWN_CONNECTIONS = 6  # of a service for its own work, which so does not wait for slow answers to others

_CONNECT_TIMEOUT_S = 5.0
_LOCK_POLL_S = 0.5
_LOCK_SILENCE_S = 3  # a holder that does not say anything for this long (frozen, unreachable) loses the lock
# A dead peer is noticed after about ten seconds instead of hours.
_KEEPALIVE = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


def address(url: str) -> str:
    """The address as PostgreSQL's own clients write it: without SQLAlchemy's driver name, with all that follows a `?`.

    Raises:
        ArgumentError: it is none.
    """
    try:
        return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    except ValueError as error:
        raise ArgumentError(f"the database's address can't be read: {error}") from None


def reaching(url: str, **settings: Any) -> dict[str, Any]:
    """`connect_args` of an engine on `ASYNCPG`. asyncpg reads the address by itself: SQLAlchemy knows no `sslmode`.

    Raises:
        ArgumentError: it is none.
    """
    return {"async_creator_fn": partial(asyncpg.connect, address(url)), **settings}


@asynccontextmanager
async def engine(settings: DatabaseSettings, connections: int | None = None) -> AsyncIterator[AsyncEngine]:
    """A pooled SQLAlchemy engine over asyncpg, with up to so many `connections` if not what the settings say; closed on
    leaving.
    """
    made = create_async_engine(
        ASYNCPG,
        pool_size=connections or settings.pool_size,
        max_overflow=0 if connections else settings.pool_overflow,
        json_deserializer=orjson.loads,  # a number that 64 bits can't hold is a float, as for every other reader
        pool_pre_ping=True,
        pool_recycle=int(settings.pool_recycle_s),
        connect_args=reaching(
            settings.database_url,
            timeout=_CONNECT_TIMEOUT_S,
            server_settings={
                **_KEEPALIVE,
                "application_name": settings.instance or "antiphon",
                # A process that is frozen inside a transaction must not keep its locks from the others.
                "idle_in_transaction_session_timeout": f"{_LOCK_SILENCE_S}s",
                "statement_timeout": str(int(settings.statement_timeout_s * 1000)),
            },
        ),
    )
    try:
        yield made
    finally:
        await made.dispose()


@asynccontextmanager
async def transaction(of: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction: committed when the block ends, rolled back when it raises."""
    async with of.begin() as connection:
        yield connection


@asynccontextmanager
async def snapshot(of: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A read-only transaction in which all statements see the same state of the database."""
    async with of.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        yield connection


@asynccontextmanager
async def autocommit(of: AsyncEngine) -> AsyncIterator["asyncpg.connection.Connection[asyncpg.Record]"]:
    """An asyncpg connection on which each statement is a transaction of its own, committed when it returns.

    It is one more than the pool's, and closed on leaving.
    """
    async with of.connect() as connection:
        raw = await driver(connection)
        await connection.run_sync(lambda it: it.detach())
        yield raw


async def driver(connection: AsyncConnection) -> "asyncpg.connection.Connection[asyncpg.Record]":
    """The asyncpg connection underneath: inside the transaction once a statement has gone through `connection`."""
    raw = await connection.get_raw_connection()
    return cast("asyncpg.connection.Connection[asyncpg.Record]", raw.driver_connection)


@asynccontextmanager
async def session_lock(database_url: str, key: int, application_name: str) -> AsyncIterator["LeaderLock"]:
    """A connection of its own for an advisory lock: held as long as that connection lives and is kept alive."""
    settings = {**_KEEPALIVE, "application_name": application_name, "idle_session_timeout": f"{_LOCK_SILENCE_S}s"}
    connection = await asyncpg.connect(address(database_url), timeout=_CONNECT_TIMEOUT_S, server_settings=settings)
    try:
        yield LeaderLock(connection, key)
    finally:
        connection.terminate()


class LeaderLock:
    """A PostgreSQL advisory lock that makes one instance active. It saves work; safety is in the transactions."""

    def __init__(self, connection: "asyncpg.connection.Connection[asyncpg.Record]", key: int) -> None:
        self._connection = connection
        self._key = key

    async def take(self) -> bool:
        """Whether this process is the active one from now on."""
        return bool(await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", self._key, timeout=5))

    async def wait(self) -> None:
        """Returns when this process is the active one.

        It asks again and again instead of waiting in the server: a statement that waits for hours holds a snapshot,
        and rows that are updated all the time could not be cleaned up meanwhile.
        """
        while True:
            if await self.take():
                return
            await asyncio.sleep(_LOCK_POLL_S)

    async def keep(self) -> None:
        """Keeps the lock as long as this runs; the server takes it from a process that is frozen for 3 s.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError: the lock is lost.
        """
        while True:
            await self.check()
            await asyncio.sleep(_LOCK_SILENCE_S / 4)

    async def check(self) -> None:
        """Raises if the connection, and so the lock, is lost."""
        await self._connection.execute("SELECT 1", timeout=_CONNECT_TIMEOUT_S)


async def ping(of: AsyncEngine) -> None:
    """Raises unless the database answers."""
    async with of.connect() as connection:
        await connection.execute(text("SELECT 1"))
