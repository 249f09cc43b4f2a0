"""What was: the session at another time, and who has answered when."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.projector import requests, source
from services.projector.tables import agent_switches, messages
from shared import errors
from shared.events import MalformedEventError, decode
from shared.fold import shapes
from shared.fold.bounds import MAX_BYTES, MESSAGES, bounded
from shared.fold.folding import Poison
from shared.fold.travel import Past

PAGE_EVENTS = 200
MAX_EVENTS = 75_000  # some three seconds


async def timeline(connection: AsyncConnection, request: requests.Timeline, _at: int) -> dict[str, Any]:
    """`{switches: [{seq, time, chat_id, from, to, reason, metadata, by, reply_id}], more}`, ascending."""
    query = (
        select(agent_switches)
        .where(agent_switches.c.session_id == request.session_id, agent_switches.c.switched_seq > request.after)
        .order_by(agent_switches.c.switched_seq)
        .limit(request.limit + 1)
    )
    found = (await connection.execute(query)).mappings().all()
    shown = shapes.within([shapes.switch(row) for row in found[: request.limit]], MAX_BYTES)
    return {"switches": shown, "more": len(shown) < len(found)}


async def at(connection: AsyncConnection, request: requests.AsOf, applied: int) -> dict[str, Any]:
    """The snapshot as it was, with its `at`: the position asked for, or of the last event at the time asked for.

    Raises:
        BadRequest: neither or both of position and time are given.
        NotFound: the session was not there then.
        TooLarge: it has more events than can be folded while somebody waits.
    """
    if (request.seq is None) == (request.time is None):
        raise errors.BadRequest("either seq or time is needed")
    up_to = min(request.seq or applied, applied)
    until_ns = None if request.time is None else round(request.time.timestamp() * 10**9)
    past = await _past(connection, request.session_id, up_to, until_ns)
    shown = past.snapshot(request.chat_id)
    if shown is None:
        raise errors.NotFound("there was no such session")
    shown["messages"] = await _threaded(connection, request.session_id, shown["messages"])
    return {**bounded(shown), "at": up_to if until_ns is None else past.last_seq}


async def _past(connection: AsyncConnection, session_id: str, up_to: int, until_ns: int | None) -> Past:
    past, count = Past(session_id, MESSAGES), 0
    while True:
        after = past.last_seq
        found = await source.of_session(connection, session_id, after, up_to, PAGE_EVENTS)
        count += len(found)
        if count > MAX_EVENTS:
            raise errors.TooLarge(f"more than {MAX_EVENTS} events to go through")
        for event in found:
            if until_ns is not None and event.time_ns > until_ns:
                return past
            if event.is_passed_over or event.body is None:
                past.last_seq = event.seq
                continue
            try:
                past.take(decode(event.seq, event.body), event.is_erased)
            except (Poison, MalformedEventError):
                return past  # the session is parked here
        if len(found) < PAGE_EVENTS:
            return past
        past.forget()


async def _threaded(connection: AsyncConnection, session_id: str, said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages with the places in their threads that the tables know: these never change."""
    ids = [message["id"] for message in said]
    query = select(messages.c.message_id, messages.c.after_seq).where(
        messages.c.session_id == session_id, messages.c.message_id.in_(ids)
    )
    known = {row.message_id: row.after_seq for row in (await connection.execute(query)).all()}
    return [{**message, "after": known.get(message["id"], message["after"])} for message in said]
