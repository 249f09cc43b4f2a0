"""Checks of NATS and PostgreSQL: there, and holding what they should."""

import asyncio
from typing import Final

import nats as client
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from services.ops import database, migrations, probes
from services.ops.checks.finding import Finding, Subject
from shared import subjects
from shared.bus.streams import filled

STREAMS: Final = (subjects.EVENTS, subjects.DELTAS, subjects.PROMPTS, subjects.PARKED)
NEARLY_FULL: Final = 0.85  # where gateways begin to refuse
NEVER_STARTED = "nothing was started or configured here yet"
START = "start the system with `antiphon up`"


async def nats(subject: Subject) -> Finding:
    """NATS answers, with JetStream."""
    url = subject.nats_url
    if url is None:
        return Finding("nats", False, NEVER_STARTED, START)
    info = await probes.nats_info(url)
    if info is None:
        remedy = "correct ANTIPHON_NATS_URL, or start that server" if subject.given_nats_url else START
        return Finding("nats", False, f"no answer at {database.masked(url)}", remedy)
    if not info.get("jetstream"):
        return Finding("nats", False, "answers, but without JetStream", "start it with -js, or a jetstream block")
    return Finding("nats", True, f"{info.get('version')} with JetStream at {database.masked(url)}")


async def streams(subject: Subject) -> Finding:
    """Every stream exists."""
    url = subject.nats_url
    if url is None or not await probes.nats_ready(url):
        return Finding("streams", False, "unknown: NATS doesn't answer", START)
    connection = await client.connect(url, allow_reconnect=False, connect_timeout=3)
    missing = []
    share = 0.0
    try:
        for stream in STREAMS:
            try:
                info = await connection.jetstream().stream_info(stream)
                share = filled(info) if stream == subjects.EVENTS else share
            except NotFoundError:
                missing.append(stream)
    except (NatsError, TimeoutError) as error:
        return Finding("streams", False, str(error) or type(error).__name__, "look at the log of NATS")
    finally:
        await connection.close()
    if missing:
        return Finding("streams", False, f"missing: {', '.join(missing)}", "they are made when the services start")
    if share >= NEARLY_FULL:
        remedy = "make room on the disk of NATS and raise ANTIPHON_EVENTS_MAX_BYTES, or set a hot window"
        return Finding("streams", False, f"{share:.0%} full: gateways refuse new commands", remedy)
    return Finding("streams", True, ", ".join(STREAMS))


async def postgres(subject: Subject) -> Finding:
    """PostgreSQL answers."""
    url = subject.database_url
    if url is None:
        return Finding("postgres", False, NEVER_STARTED, START)
    reason = await database.fault(url)
    if reason is not None:
        remedy = "correct ANTIPHON_DATABASE_URL, or start that server" if subject.given_database_url else START
        return Finding("postgres", False, reason, remedy)
    return Finding("postgres", True, database.masked(url))


async def schema(subject: Subject) -> Finding:
    """The database is at the newest revision."""
    url = subject.database_url
    if url is None or await database.fault(url) is not None:
        return Finding("schema", False, "unknown: PostgreSQL doesn't answer", START)
    try:
        now, newest = await asyncio.to_thread(migrations.current, url), await asyncio.to_thread(migrations.head)
    except Exception as error:  # noqa: BLE001 - alembic runs scripts, which may raise anything
        return Finding("schema", False, " ".join(str(error).split())[:300], "run `antiphon migrate`")
    if now != newest:
        return Finding("schema", False, f"at {now or 'base'}, newest is {newest}", "run `antiphon migrate`")
    return Finding("schema", True, f"at {now}, the newest")
