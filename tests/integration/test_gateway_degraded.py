"""When something is down: what goes on, what is refused for now, and what a client is told."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from services.ops import migrations
from shared import ids
from tests.support.client import Client, ReplyError, connected
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, read_models, talking, token
from tests.support.servers import NatsServer, PostgresServer
from tests.support.services import RealService, running

NERVOUS = {"ANTIPHON_BUS_QUIET_S": "2", "ANTIPHON_BUS_LOST_S": "8"}


@pytest.fixture
async def own_postgres(tmp_path: Path) -> AsyncIterator[PostgresServer]:
    """A PostgreSQL of this test's own, migrated, that may be killed."""
    server = PostgresServer(tmp_path)
    server.launch()
    try:
        await server.ready()
        await migrations.upgrade(server.url())
        yield server
    finally:
        server.stop()


async def status(gateway: RealService) -> int:
    async with httpx.AsyncClient(base_url=gateway.address) as http:
        return (await http.get("/health/ready", timeout=10)).status_code


async def degraded(client: Client, session_id: str) -> list[str]:
    """What a new snapshot says is away."""
    channel = f"session:{session_id}"
    await client.call("unsubscribe", channel=channel)
    found: list[str] = (await client.call("subscribe", channel=channel))["data"]["degraded"]
    return found


async def test_a_dead_bus_keeps_sockets_open_and_the_same_id_works_afterwards(nats_server: NatsServer) -> None:
    async with gateways(nats_server.url) as one, talking(one, "ada") as (ada,):
        session_id = await new_session(ada)
        await ada.call("subscribe", channel=f"session:{session_id}")
        message = {"id": ids.uuid7(), "session_id": session_id, "content": "said once"}
        rename = {"id": ids.uuid7(), "session_id": session_id, "title": "Said once"}
        async with nats_server.killed():
            for method, data in (("message.send", message), ("session.rename", rename)):
                with pytest.raises(ReplyError) as refused:
                    await ada.rpc(method, **data)
                assert (refused.value.code, refused.value.temporary) == (503, True)

        async def accepted(method: str, data: dict[str, str]) -> bool:
            try:
                return bool((await ada.rpc(method, **data))["seq"])
            except ReplyError as error:
                return not error.temporary

        await eventually(lambda: accepted("message.send", message), 20)
        await eventually(lambda: accepted("session.rename", rename), 20)
        events = [await ada.event() for _ in range(2)]
        assert [event["data"]["id"] for event in events] == [message["id"], rename["id"]]
        assert (await ada.rpc("message.send", **message))["duplicate"] is True


async def test_a_silent_bus_is_said_and_then_clients_are_sent_elsewhere(nats_server: NatsServer) -> None:
    async with gateways(nats_server.url, 1, NERVOUS) as one, talking(one, "ada") as (ada,):
        session_id = await new_session(ada)
        await ada.call("subscribe", channel=f"session:{session_id}")
        async with nats_server.frozen():

            async def says_bus() -> bool:
                return await degraded(ada, session_id) == ["bus"]

            await eventually(lambda: says_bus())
            assert await status(one[0]) == 503
            await eventually(lambda: ada.socket.close_code == 3001, 20)
            with pytest.raises((ConnectionError, ConnectionClosed), match="3001"):
                async with connected(one[0].address, token("ada")):
                    raise AssertionError("a gateway without a bus takes nobody")

        async def is_back() -> bool:
            return await status(one[0]) == 200

        await eventually(lambda: is_back(), 20)
        async with talking(one, "ada") as (ada,):
            await ada.send_message(session_id, "back")
            assert "bus" not in await degraded(ada, session_id)


async def test_without_postgres_live_posting_and_resume_go_on(nats_url: str, own_postgres: PostgresServer) -> None:
    async with read_models(nats_url, own_postgres.url()) as two, talking(two, "ada", "bob") as (ada, bob):
        session_id = await new_session(ada, bob)
        channel = f"session:{session_id}"
        await ada.rpc("chat.history", session_id=session_id)  # waits until the read models are as far as this
        at = [await one.call("subscribe", channel=channel) for one in (ada, bob)][1]
        own_postgres.kill()
        seqs = [(await ada.send_message(session_id, f"m{number}"))["seq"] for number in range(5)]
        assert [(await bob.event())["offset"] for _ in seqs] == seqs
        async with talking(two[:1], "bob") as (again,):
            resumed = await again.call(
                "subscribe", channel=channel, recover=True, epoch=at["epoch"], offset=at["offset"]
            )
            assert resumed["recovered"] is True
            assert [pub["offset"] for pub in resumed["publications"]] == seqs

        async def says_so() -> bool:
            return {"history", "projector"} <= set(await degraded(ada, session_id))

        await eventually(lambda: says_so())
        with pytest.raises(ReplyError) as refused:
            await ada.rpc("session.list")
        assert (refused.value.code, refused.value.temporary) == (503, True)
        assert await status(two[0]) == 200, "posting works here: a balancer must not take this gateway away"
        await own_postgres.restart()

        async def all_is_well() -> bool:
            return await degraded(ada, session_id) == [] and await degraded(bob, session_id) == []

        await eventually(lambda: all_is_well(), 30)
        assert [one["session_id"] for one in (await ada.rpc("session.list"))["sessions"]] == [session_id]


async def shown(gateway: RealService, session_id: str) -> dict[str, Any]:
    """The snapshot for ada, without what it says of the system."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token('ada')}"}) as http:
        answer = (await http.get(f"{gateway.address}/api/sessions/{session_id}")).json()
    assert answer["session"]["session_id"] == session_id, answer
    return {name: value for name, value in answer.items() if name not in ("degraded", "at", "running")}


def told(client: Client) -> list[str] | None:
    """What is away, by what a client was told last without asking; None if nothing came since the last look."""
    names: list[str] | None = None
    while not client.pushes.empty():
        data = client.pushes.get_nowait()["message"]["data"]
        assert data["type"] == "degraded"
        names = data["degraded"]
    return names


@pytest.mark.parametrize("owner", ["history", "projector"])
async def test_an_owner_that_died_is_named_and_posting_goes_on(owner: str, nats_url: str, database_url: str) -> None:
    given = {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_DATABASE_URL": database_url, "ANTIPHON_COMMANDS_PER_S": "0"}
    async with (
        running("history", given) as history,
        running("projector", given) as projector,
        running("gateway", given) as gateway,
        talking([gateway], "ada", "eve") as (ada, eve),
    ):
        assert eve.hello["data"]["degraded"] == []
        session_id = await new_session(ada)
        sent = await ada.send_message(session_id, "**one**", metadata={"a": [1]})
        await ada.rpc("message.edit", id=ids.uuid7(), session_id=session_id, message_id=sent["id"], content="two")
        track = {"title": "Go", "estimated_duration_hours": 1.5}
        planned = await ada.rpc("session.create", id=ids.uuid7(), kind="track", track=track)
        before = [await shown(gateway, one) for one in (session_id, planned["session_id"])]
        await ada.call("subscribe", channel=f"session:{session_id}")
        (history if owner == "history" else projector).kill()

        async def named() -> bool:
            return owner in await degraded(ada, session_id)

        await eventually(lambda: named())
        for was in before:
            now = await shown(gateway, was["session"]["session_id"])
            assert {name: now.get(name) for name in was if now.get(name) != was[name]} == {}
        seq = (await ada.send_message(session_id, "still here"))["seq"]
        assert (await ada.event())["offset"] == seq
        await eventually(lambda: told(eve) == [owner])
        async with running(owner, given, f"{owner}-2"):

            async def all_is_well() -> bool:
                return await degraded(ada, session_id) == []

            await eventually(lambda: all_is_well(), 30)
            await eventually(lambda: told(eve) == [])
