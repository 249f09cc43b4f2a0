"""Pages of a session's events in both directions: chained, however far back, whoever was busy in between."""

import asyncio
from typing import Any

import pytest

from shared import subjects
from shared.bus import connection
from tests.support.client import Client, ReplyError
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, read_models, talking

UNLIMITED = {"ANTIPHON_COMMANDS_PER_S": "0", "ANTIPHON_LINGER_S": "0"}


async def backwards(client: Client, session_id: str, limit: int) -> list[dict[str, Any]]:
    """All events, read from the end a page at a time."""
    found: list[dict[str, Any]] = []
    since: dict[str, Any] = {}
    while True:
        page = await client.call("history", channel=f"session:{session_id}", limit=limit, reverse=True, **since)
        if not page["publications"]:
            return found
        assert len(page["publications"]) <= limit
        found += page["publications"]
        since = {"since": {"offset": found[-1]["offset"], "epoch": page["epoch"]}}


async def forwards(client: Client, session_id: str, limit: int) -> list[dict[str, Any]]:
    """The same from the beginning."""
    found: list[dict[str, Any]] = []
    while True:
        since = {"offset": found[-1]["offset"] if found else 0, "epoch": ""}
        page = await client.call("history", channel=f"session:{session_id}", limit=limit, since=since)
        if not page["publications"]:
            return found
        found += page["publications"]


def is_chained(events: list[dict[str, Any]]) -> bool:
    """Whether each names the one before it, and the first none."""
    offsets = [0, *(event["offset"] for event in events)]
    return [int(event["tags"]["prev"]) for event in events] == offsets[:-1]


async def busy(client: Client, session_id: str, messages: int, at_a_time: int = 250) -> None:
    for start in range(0, messages, at_a_time):
        numbers = range(start, min(messages, start + at_a_time))
        await asyncio.gather(*(client.send_message(session_id, f"{number}") for number in numbers))


async def test_both_directions_give_the_same_chain_however_busy_others_were(nats_url: str) -> None:
    """The session's events lie together, far apart, and far below the end of the stream."""
    async with gateways(nats_url, 2, UNLIMITED) as two, talking(two, "ada", "bob", "ada") as (ada, bob, reader):
        session_id, other = await new_session(ada, bob), await new_session(bob)
        for burst, noise in ((400, 300), (1, 900), (1, 1500), (700, 10), (3, 1200)):
            await busy(ada, session_id, burst)
            await busy(bob, other, noise)
        for one in (ada, reader):  # with the session in memory, and from the stream
            all_events = await forwards(one, session_id, 300)
            assert len(all_events) == 1105 + 3
            assert is_chained(all_events)
            for limit in (7, 50, 300) if one is ada else (300,):
                assert await backwards(one, session_id, limit) == all_events[::-1]
        beyond = {"offset": 2**53 - 1, "epoch": ""}
        newest = await ada.call("history", channel=f"session:{session_id}", limit=2, reverse=True, since=beyond)
        assert newest["publications"] == all_events[:-3:-1]
        for nothing in ({"offset": 1, "epoch": ""}, {"offset": all_events[0]["offset"], "epoch": ""}):
            page = await ada.call("history", channel=f"session:{session_id}", limit=5, reverse=True, since=nothing)
            assert page["publications"] == []


async def test_what_was_trimmed_from_the_stream_is_read_from_the_log(nats_url: str, database_url: str) -> None:
    async with (
        read_models(nats_url, database_url, 1, UNLIMITED) as one,
        connection.connect(nats_url, "test") as bus,
        talking(one, "ada", "ada") as (ada, elsewhere),
    ):
        session_id, other = await new_session(ada), await new_session(ada)
        await busy(ada, session_id, 400)
        await busy(ada, other, 200)
        await busy(ada, session_id, 30)
        before = await forwards(ada, session_id, 300)
        cut = before[405]["offset"]

        async def is_in_the_log() -> bool:
            answer = await bus.client.request(subjects.query("history", "head"), b"{}")
            return f'"seq":{before[-1]["offset"]},'.encode() in answer.data

        await eventually(is_in_the_log)
        await bus.js.purge_stream(subjects.EVENTS, seq=cut)
        for limit in (50, 300):
            assert await forwards(elsewhere, session_id, limit) == before
            assert await backwards(elsewhere, session_id, limit) == before[::-1]
        at = {"epoch": "", "offset": before[380]["offset"]}  # below the cut: resumed all the same
        back = await elsewhere.call("subscribe", channel=f"session:{session_id}", recover=True, **at)
        assert back["recovered"]
        assert back["publications"] == before[381:]
        with pytest.raises(ReplyError, match="112"):
            await elsewhere.call(
                "history", channel=f"session:{session_id}", limit=1, since={"offset": 5, "epoch": "other"}, reverse=True
            )
