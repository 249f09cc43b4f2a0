"""Checks of the read models, and of the connections that services may open to the database."""

import asyncpg

from services.ops import database, readmodels, state
from services.ops.checks.finding import Finding, Subject
from services.projector import parking
from shared import db
from shared.settings import DatabaseSettings

OWNERS = ("history", "projector")  # the services that hold a pool
BESIDE = db.OWN_CONNECTIONS + 2  # of each for its own work, its lock, and history's appending
OURS = 10  # connections for commands such as this one
RETRY = "mend the cause, then run `antiphon parked retry SESSION`; `antiphon parked list` names them all"
LESS = "set ANTIPHON_POOL_SIZE and ANTIPHON_POOL_OVERFLOW lower, or max_connections of PostgreSQL higher"


async def parked(subject: Subject) -> Finding:
    """No session had to be left behind."""
    url = subject.database_url
    if url is None or await database.fault(url) is not None:
        return Finding(
            "read models", False, "unknown: PostgreSQL doesn't answer", "start the system with `antiphon up`"
        )
    try:
        async with readmodels.opened(url) as pool:
            found = await parking.parked_sessions(pool)
    except readmodels.ReadModelsFailed as error:
        return Finding("read models", False, str(error), "they are made when a projector starts")
    if not found:
        return Finding("read models", True, "no session is parked")
    first = found[0]
    cause = f"{len(found)} sessions are parked, the first is {first.session_id} at {first.seq}: {first.reason}"
    return Finding("read models", False, cause, RETRY)


async def connections(subject: Subject) -> Finding:
    """All pools together stay below what the server allows."""
    url = subject.database_url
    if url is None or await database.fault(url) is not None:
        return Finding(
            "connections", False, "unknown: PostgreSQL doesn't answer", "start the system with `antiphon up`"
        )
    allowed = await _allowed(url)
    needed, told = wanted(subject)
    return Finding("connections", needed <= allowed, f"{told}; the server allows {allowed}", LESS * (needed > allowed))


def wanted(subject: Subject) -> tuple[int, str]:
    """How many connections there can be at most, and of what that is the sum."""
    given = {name.removeprefix("ANTIPHON_").lower(): value for name, value in subject.environment.items()}
    fields = DatabaseSettings.model_fields
    size, overflow = (int(given.get(name) or fields[name].default) for name in ("pool_size", "pool_overflow"))
    running = state.read(subject.data_dir.state_file) if subject.is_up else []
    count = sum(one.name.rsplit("-", 1)[0] in OWNERS for one in running) or len(OWNERS)
    needed = count * (size + overflow + BESIDE) + OURS
    return needed, f"{count} services x ({size} + {overflow} + {BESIDE}) and {OURS} for commands make {needed}"


async def _allowed(url: str) -> int:
    connection = await asyncpg.connect(database.plain(url), timeout=database.CONNECT_S)
    try:
        most, reserved = await connection.fetchrow(
            "SELECT current_setting('max_connections')::int, current_setting('superuser_reserved_connections')::int"
        )
    finally:
        await connection.close(timeout=database.CONNECT_S)
    return int(most - reserved)
