"""JetStream's data is lost, or trimmed, under two gateways with clients: everything goes on, nothing is made twice."""

import asyncio
import shutil
from typing import Any

import pytest

from services.history.log import head
from shared import ids, subjects
from tests.support.client import Client, ReplyError
from tests.support.eventually import eventually
from tests.support.gateways import new_session, read_models, talking
from tests.support.logs import reaches, surroundings
from tests.support.servers import NatsServer
from tests.support.system import antiphon


async def sent(client: Client, session_id: str, content: str) -> dict[str, Any]:
    """What the gateway answers once it takes messages again."""
    message = {"id": ids.uuid7(), "session_id": session_id, "content": content}

    async def accepted() -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await client.rpc("message.send", **message)
        except ReplyError as refused:
            if refused.code != 503:
                raise
            return {}
        return answer

    return await eventually(accepted, 30)


async def test_clients_go_on_after_the_stream_was_lost_and_restored(nats_server: NatsServer, database_url: str) -> None:
    urls = {"ANTIPHON_NATS_URL": nats_server.url, "ANTIPHON_DATABASE_URL": database_url}
    async with (
        read_models(nats_server.url, database_url) as two,
        talking(two, "ada", "bob") as (ada, bob),
        surroundings(nats_server.url, database_url) as (_, engine),
    ):
        session_id, quiet = await new_session(ada, bob), await new_session(ada, bob)
        channel = f"session:{session_id}"
        before = await bob.call("subscribe", channel=channel)
        first_id = ids.uuid7()
        first = {"id": first_id, "session_id": session_id, "content": "before"}
        last = (await ada.rpc("message.send", **first))["seq"]
        await reaches(engine, last)

        nats_server.kill()
        shutil.rmtree(nats_server.directory / "nats" / "jetstream")
        await nats_server.restart()
        done = await asyncio.to_thread(antiphon, "restore-stream", **urls)
        assert (done.returncode, f"EVENTS goes on at {last + 1}" in done.stdout) == (0, True), done.stderr

        async def put_out() -> bool:
            push = await bob.pushes.get()
            return push.get("channel") == channel and "unsubscribe" in push

        await eventually(put_out, 20)  # the old positions count no more: bob takes a fresh snapshot
        again = await bob.call("subscribe", channel=channel, recover=True, offset=last, epoch=before["epoch"])
        assert (again.get("recovered", False), again["epoch"] != before["epoch"]) == (False, True)
        assert [message["content"] for message in again["data"]["messages"]] == ["before"]
        assert again["offset"] == last

        after = await sent(ada, session_id, "after")
        assert after["seq"] == last + 1
        assert (await bob.event())["data"]["data"]["content"] == "after"
        renamed = await bob.rpc("message.send", id=ids.uuid7(), session_id=quiet, content="and there")
        assert renamed["seq"] == last + 2, "a session that is not in the stream any more takes writes"
        await ada.rpc("session.rename", id=ids.uuid7(), session_id=quiet, title="Strictly")
        repeated = await bob.call("subscribe", channel=f"session:{quiet}")
        assert repeated["data"]["session"]["title"] in ("A session", "Strictly")
        known = await ada.rpc("message.send", **first)
        assert (known["seq"], known["duplicate"]) == (last, True), "its id is older than the stream: the log knows"
        assert (await head(engine)).epoch == again["epoch"]


async def test_a_trimmed_session_is_resumed_written_to_and_never_made_twice(nats_url: str, database_url: str) -> None:
    hot = {"ANTIPHON_HOT_DAYS": str(2 / 86_400)}
    async with (
        read_models(nats_url, database_url, environment=hot) as two,
        talking(two, "ada", "bob") as (ada, bob),
        surroundings(nats_url, database_url) as (bus, engine),
    ):
        session_id = await new_session(ada, bob)
        channel = f"session:{session_id}"
        joined = await bob.call("subscribe", channel=channel)
        ids_sent = [ids.uuid7() for _ in range(5)]
        for n, event_id in enumerate(ids_sent):
            await ada.rpc("message.send", id=event_id, session_id=session_id, content=f"message {n}")
        other = await new_session(bob)

        async def trimmed() -> bool:
            await bob.send_message(other, "time goes by")
            return (await bus.js.stream_info(subjects.EVENTS)).state.first_seq > joined["offset"] + 5

        await eventually(trimmed, 20)
        async with talking(two[::-1], "ada", "bob") as (ada2, bob2):  # each on the other gateway
            resumed = await bob2.call(
                "subscribe", channel=channel, recover=True, offset=joined["offset"], epoch=joined["epoch"]
            )
            assert resumed["recovered"]
            recovered = resumed["publications"]
            assert [one["data"]["id"] for one in recovered][-5:] == ids_sent
            links = [int(one["tags"]["prev"]) for one in recovered]
            assert links == [joined["offset"], *(one["offset"] for one in recovered[:-1])], "no hole, no repeat"
            before = [one["data"]["type"] for one in recovered[:-5]]  # what the snapshot did not have yet
            assert set(before) <= {"participant.invited.v1", "participant.joined.v1"}
            await ada2.rpc("session.rename", id=ids.uuid7(), session_id=session_id, title="Strictly")
            assert (await bob2.event())["data"]["type"] == "session.renamed.v1"
            await ada2.send_message(session_id, "and on")
            with pytest.raises(ReplyError) as refused:
                await bob2.rpc("session.create", id=ids.uuid7(), session_id=session_id, title="Mine")
            assert refused.value.code in (404, 409, 422)
        assert (await head(engine)).seq > 0
