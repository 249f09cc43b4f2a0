"""Fixtures that every kind of test may use: real servers, a database for each test, the whole system."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import databases
from tests.support.servers import NatsServer, PostgresServer, apart
from tests.support.system import System, whole_system

settings.register_profile("shared machine", deadline=None)  # how long an example took says nothing there
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def session_directory() -> Iterator[Path]:
    """A directory of this test process, with a short name; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def postgres_server(session_directory: Path) -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests of this process. A test that kills it makes its own."""
    server = PostgresServer(session_directory)
    server.launch()
    try:
        apart(server.ready())
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def template_database(postgres_server: PostgresServer) -> str:
    """The name of a database with the newest schema."""
    apart(databases.make_template(postgres_server))
    return databases.TEMPLATE


@pytest.fixture
async def database_url(postgres_server: PostgresServer, template_database: str) -> AsyncIterator[str]:
    """A database with the newest schema and no rows, for this test alone."""
    async with databases.cloned(postgres_server, template_database) as url:
        yield url


@pytest.fixture
async def blank_database_url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """A database with nothing in it, for this test alone."""
    async with databases.cloned(postgres_server, "template0") as url:
        yield url


@pytest.fixture
async def nats_server() -> AsyncIterator[NatsServer]:
    """A NATS server with JetStream and an empty store, for this test alone."""
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        server = NatsServer(Path(name))
        server.launch()
        try:
            await server.ready()
            yield server
        finally:
            server.stop()


@pytest.fixture
def nats_url(nats_server: NatsServer) -> str:
    """The address of this test's own NATS server."""
    return nats_server.url


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory of this test's own. Not pytest's: a second run resets the permissions of those of the first, and then
    the account of PostgreSQL is shut out.
    """
    with tempfile.TemporaryDirectory(prefix="antiphon-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A place for a system's data, which is not there yet."""
    return tmp_path / "data"


@pytest.fixture
async def system(data_dir: Path) -> AsyncIterator[System]:
    """The whole system as `antiphon up` runs it: two gateways, history, projector, one worker, both servers."""
    async with whole_system(data_dir) as running:
        yield running
