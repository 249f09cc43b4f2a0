"""A log without room: refused for now, said everywhere, and what ends something still fits."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from nats.js.api import DiscardPolicy, StreamConfig

from services.ops.checks import Subject, servers
from services.ops.datadir import DataDir
from shared import errors, ids, subjects
from shared.bus import connection, streams
from shared.bus.publish import publish
from tests.support.client import Client, ReplyError
from tests.support.eventually import eventually
from tests.support.gateways import new_session, talking
from tests.support.services import RealService, running

MIB = 1024 * 1024


@pytest.fixture
async def given(nats_url: str, database_url: str) -> dict[str, str]:
    given = {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_DATABASE_URL": database_url, "ANTIPHON_COMMANDS_PER_S": "0"}
    return given | {"ANTIPHON_EVENTS_MAX_BYTES": str(MIB)}


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[connection.Bus]:
    async with connection.connect(nats_url, "test") as bus:
        yield bus


async def share(bus: connection.Bus) -> float:
    return streams.filled(await bus.js.stream_info(subjects.EVENTS))


async def fill(bus: connection.Bus, up_to: float) -> None:
    """Another session takes the room."""
    while (left := up_to - await share(bus)) > 0.003:
        body = b"x" * min(50_000, int(left * MIB * 0.9))
        await publish(bus.js, subjects.event("elsewhere"), body, msg_id=ids.uuid7())


async def refusal(client: Client, method: str, **data: object) -> tuple[int, bool]:
    with pytest.raises(ReplyError) as refused:
        await client.rpc(method, id=ids.uuid7(), **data)
    return refused.value.code, refused.value.temporary


async def test_from_85_percent_on_only_what_ends_something_is_taken(
    bus: connection.Bus, given: dict[str, str], tmp_path: object
) -> None:
    async with (
        running("history", given) as history,
        running("gateway", given) as gateway,
        talking([gateway], "ada") as (ada,),
    ):
        session_id = await new_session(ada)
        sent = {"id": ids.uuid7(), "session_id": session_id, "content": "A question", "reply": True}
        asked = await ada.rpc("message.send", **sent)
        await fill(bus, 0.87)
        await eventually(lambda: degraded(ada, session_id, ["projector", "storage"]))
        for method, data in (
            ("message.send", {"session_id": session_id, "content": "one more"}),
            ("session.rename", {"session_id": session_id, "title": "full"}),
            ("session.create", {}),
        ):
            assert await refusal(ada, method, **data) == (503, True)
        assert (await ada.rpc("message.send", **sent))["duplicate"], "what was accepted stays accepted"
        cancel = await ada.rpc("reply.cancel", id=ids.uuid7(), session_id=session_id, reply_id=asked["reply_id"])
        redact = await ada.rpc("message.redact", id=ids.uuid7(), session_id=session_id, message_id=asked["id"])
        assert asked["seq"] < cancel["seq"] < redact["seq"]
        end = await publish(bus.js, subjects.event(session_id), b"{}", msg_id="s/llm/the-end")
        assert end.seq > redact["seq"]
        await says_so(gateway, bus, tmp_path)
        await fill(bus, 1.0)
        cancel_more = {"session_id": session_id, "reply_id": asked["reply_id"]}
        assert await refusal(ada, "reply.cancel", **cancel_more) in {(503, True), (409, False), (422, False)}
        history.terminate()
        async with running("history", given | {"ANTIPHON_EVENTS_MAX_BYTES": str(4 * MIB)}, "history-2"):
            await eventually(lambda: degraded(ada, session_id, ["projector"]))
            message = {"id": ids.uuid7(), "session_id": session_id, "content": "there is room"}
            assert (await ada.rpc("message.send", **message))["seq"] > end.seq


async def degraded(client: Client, session_id: str, names: list[str]) -> bool:
    channel = f"session:{session_id}"
    await client.call("unsubscribe", channel=channel)
    found: list[str] = (await client.call("subscribe", channel=channel))["data"]["degraded"]
    return found == names


async def says_so(gateway: RealService, bus: connection.Bus, tmp_path: object) -> None:
    async with httpx.AsyncClient(base_url=gateway.address) as http:
        answer = await http.get("/health/ready")
        events = answer.json()["checks"]["events"]
        assert (answer.status_code, events["degraded"]) == (200, True), "reading works: no reason to take it away"
        assert events["filled"] >= 0.85
    for other in (streams.PROMPTS, streams.PARKED):
        await streams.ensure(bus.js, other)
    url = str(bus.client.connected_url.geturl())  # type: ignore[union-attr]
    finding = await servers.streams(Subject(DataDir(tmp_path), url, None, 8000, {}))  # type: ignore[arg-type]
    assert not finding.ok
    assert "ANTIPHON_EVENTS_MAX_BYTES" in finding.remedy


async def test_the_bound_is_what_is_set_or_what_the_server_has_room_for(bus: connection.Bus) -> None:
    made = await streams.ensure_events(bus.js, "epoch-1", 1, 2**50)
    assert streams.MIN_EVENTS_BYTES <= made.config.max_bytes < 2**50  # type: ignore[operator]
    again = await streams.ensure_events(bus.js, "epoch-1", 1, 2**50)
    assert again.config.max_bytes == made.config.max_bytes
    for wanted, found in ((MIB, MIB), (0, -1), (2 * MIB, 2 * MIB)):
        info = await streams.ensure_events(bus.js, "another", 1, wanted)
        assert info.config.max_bytes == found
        assert streams.epoch_of(info) == "epoch-1", "no update touches the identity"
        assert info.config.republish is not None
        assert info.config.allow_direct


@pytest.mark.parametrize(("bound", "value"), [("max_age", 86_400.0), ("max_msgs", 10), ("max_msgs_per_subject", 3)])
async def test_a_stream_that_would_forget_is_refused(bus: connection.Bus, bound: str, value: float) -> None:
    config = streams.events_config("epoch-1")
    setattr(config, bound, value)
    assert streams.forgets(await bus.js.add_stream(config)) == bound


async def test_no_room_is_temporary_and_too_large_is_not(bus: connection.Bus) -> None:
    await bus.js.add_stream(StreamConfig(name="SMALL", subjects=["small"], max_bytes=5000, discard=DiscardPolicy.NEW))
    await bus.js.add_stream(StreamConfig(name="SHORT", subjects=["short"], max_msg_size=1000))
    with pytest.raises(errors.TooLarge):
        await publish(bus.js, "short", b"x" * 2000, msg_id="1")
    with pytest.raises(errors.Unavailable, match="full"):
        await asyncio.gather(*(publish(bus.js, "small", b"x" * 900, msg_id=str(n)) for n in range(20)))
