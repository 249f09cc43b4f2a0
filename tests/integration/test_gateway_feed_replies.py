"""Replies on their way, and snapshots without a projector, on a real server."""

import orjson
from nats.js.errors import NoStreamResponseError

from shared import ids, subjects
from shared.bus import streams
from shared.events import ReplyCompleted, Usage, encode, wrap
from tests.support.eventually import eventually
from tests.support.feeds import ANN, Client, Gateway, flood, gateway
from tests.support.servers import NatsServer


async def chunk(a: Gateway, session_id: str, reply_id: str, position: int, text: str, attempt: int = 1) -> None:
    body = {"type": "reply.delta", "reply_id": reply_id, "chat_id": "c", "attempt": attempt}
    await a.bus.js.publish(subjects.delta(session_id), orjson.dumps({**body, "position": position, "text": text}))


async def test_a_running_reply_is_seen_growing_by_those_who_come_late_too(nats_url: str) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        await streams.ensure(a.bus.js, streams.DELTAS)
        created = await a.created()
        early, late = Client(), Client()
        await early.join(a, created.session_id)
        asked = await a.send(created.session_id, "why?", reply=True)
        reply_id = str(asked.reply_id)
        await chunk(a, created.session_id, reply_id, 0, "Be")
        await chunk(a, created.session_id, reply_id, 2, "cause")
        await eventually(lambda: [each["text"] for each in early.passing] == ["Be", "cause"])
        snapshot = await late.join(b, created.session_id)
        assert snapshot["running"] == [
            {
                "reply_id": reply_id, "chat_id": asked.chat_id, "purpose": "answer", "agent": "",
                "parent": snapshot["messages"][-1]["id"], "attempt": 1, "text": "Because", "position": 7,
            }
        ]  # fmt: skip
        await chunk(a, created.session_id, reply_id, 7, ".")
        await eventually(lambda: [each["text"] for each in late.passing] == ["."])
        ended = ReplyCompleted(
            reply_id=reply_id, chat_id=str(asked.chat_id), attempt=1, content="Because.", model="m",
            finish_reason="stop", usage=Usage(),
        )  # fmt: skip
        envelope = wrap(ended, event_id=ids.uuid7(), session_id=created.session_id, source="llm/1", actor="svc/llm")
        ack = await a.bus.js.publish(subjects.event(created.session_id), encode(envelope))
        await chunk(a, created.session_id, reply_id, 8, " Too late")
        await a.send(created.session_id, "thanks")
        await eventually(lambda: late.at > ack.seq and early.at > ack.seq)
        assert [each["text"] for each in early.passing] == ["Be", "cause", "."]
        assert len(late.passing) == 1
        assert late.joined is not None
        assert late.joined.feed.running() == []


async def test_the_degraded_snapshot_says_so_and_has_the_newest_messages(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        await flood(a.bus, created.session_id, str(created.chat_id), 60)
        sent = await a.send(created.session_id, "the last")
        snapshot = await Client().join(a, created.session_id)
        assert snapshot["degraded"] == ["projector"]
        assert snapshot["at"] == sent.seq
        assert len(snapshot["messages"]) == 50
        assert snapshot["more"] is True
        assert snapshot["messages"][-1]["content"] == "the last"
        assert snapshot["chats"][0]["message_count"] == 61
        assert [person["user"] for person in snapshot["participants"]] == [ANN.user]


async def test_a_killed_server_gets_its_memory_streams_back(nats_server: NatsServer) -> None:
    async with gateway(nats_server.url) as a:
        created = await a.created()
        await streams.ensure(a.bus.js, streams.DELTAS)
        client = Client()
        await client.join(a, created.session_id)
        asked = await a.send(created.session_id, "why?", reply=True)
        async with nats_server.killed():
            pass

        async def is_back() -> bool:
            try:
                await chunk(a, created.session_id, str(asked.reply_id), 0, "Because")
            except (NoStreamResponseError, TimeoutError):
                return False
            return True

        await eventually(is_back, 20)
        await eventually(lambda: bool(client.passing))
        assert client.passing[0]["text"] == "Because"
