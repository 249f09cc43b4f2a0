"""The feed on a real server: entering, leaving and coming back while a publisher runs at full speed."""

import asyncio
from typing import Any

import orjson
import pytest
from nats.js.errors import NoStreamResponseError

from services.gateway import measures
from shared import errors, ids, subjects
from shared.bus import streams
from shared.bus.direct import Stored
from shared.events import ReplyCompleted, Usage, encode, wrap
from shared.session.commands import CreateSession, LeaveSession
from tests.support.eventually import eventually
from tests.support.feeds import ANN, BOB, Client, Gateway, flood, gateway, projector_behind
from tests.support.servers import NatsServer


async def test_many_enter_and_come_back_under_full_speed_without_hole_or_repeat(nats_url: str) -> None:
    """Fresh (on a snapshot that lags by up to 300 events, or is ahead of the feed) and with a position, on both."""
    async with (
        gateway(nats_url) as publisher,
        gateway(nats_url, "gateway/a") as a,
        gateway(nats_url, "gateway/b", linger_s=0.05) as b,
        projector_behind(publisher, 300),
    ):
        created = await publisher.created()
        flooding = asyncio.create_task(flood(publisher.bus, created.session_id, str(created.chat_id), 12_000, 16))
        clients: list[Client] = []
        recoveries = 0

        async def lives(*gateways: Gateway) -> None:
            nonlocal recoveries
            while not flooding.done():
                client = Client()
                clients.append(client)
                for there in (*gateways, *gateways):
                    await client.join(there, created.session_id, recover=client.epoch != "")
                    assert client.joined is not None
                    recoveries += client.joined.recovered
                    enough = len(client.seen) + 20
                    await eventually(lambda client=client, enough=enough: len(client.seen) > enough or flooding.done())
                    client.leave()
            await client.join(gateways[0], created.session_id, recover=True)

        await asyncio.gather(*(lives(*((a, b) if number % 2 else (b, a))) for number in range(8)))
        await flooding
        stored = await a.stored(created.session_id)
        assert len(stored) == 12_001
        last_eight = [client for client in clients if client.listens]
        assert len(last_eight) == 8
        await eventually(lambda: all(client.has_all(stored) for client in last_eight))
        for client in clients:
            assert client.has_all([seq for seq in stored if seq <= client.at])
        assert len(clients) >= 20
        assert recoveries >= 60


async def test_who_comes_back_gets_exactly_what_was_missed(nats_url: str) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        client = Client()
        await client.join(a, created.session_id)
        client.leave()
        sent = [await a.send(created.session_id, f"m{number}") for number in range(5)]
        await client.join(b, created.session_id, recover=True)
        assert client.joined is not None
        assert client.joined.recovered
        assert client.seen == [outcome.seq for outcome in sent]


async def test_a_position_that_proves_nothing_gets_a_snapshot(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        for epoch, offset in (("another", created.seq), ("epoch-1", created.seq + 1000)):
            client = Client(epoch=epoch, at=offset)
            await client.join(a, created.session_id, recover=True)
            assert client.joined is not None
            assert client.joined.was_recovering
            assert not client.joined.recovered
            assert client.joined.offset == created.seq


async def test_too_much_for_one_answer_is_not_called_recovered(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        client = Client()
        await client.join(a, created.session_id)
        client.leave()
        await flood(a.bus, created.session_id, str(created.chat_id), 1001)
        await client.join(a, created.session_id, recover=True)
        assert client.joined is not None
        assert not client.joined.recovered
        assert client.at == (await a.stored(created.session_id))[-1]


async def test_all_listeners_get_the_same_bytes(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        clients = [Client(), Client()]
        for client in clients:
            await client.join(a, created.session_id)
        sent = await a.send(created.session_id, "hello")
        frames = [client.frames[sent.seq] for client in clients]
        assert frames[0] is frames[1]
        assert b"\n" not in frames[0]


async def test_a_session_is_none_of_a_strangers_business(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        for session_id in (created.session_id, ids.uuid7()):
            with pytest.raises(errors.NotFound):
                await a.sessions.join(session_id, Client(user="eve"), None, "eve")


async def test_whoever_leaves_is_told_and_hears_no_more(nats_url: str) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        await a.joined_by(created.session_id, BOB)
        client = Client(user="bob")
        await client.join(b, created.session_id)
        left = await a.commands.execute(LeaveSession(id=ids.uuid7(), session_id=created.session_id), BOB)
        await a.send(created.session_id, "secret")
        await eventually(lambda: client.was_revoked)
        assert client.seen == [left.seq]
        with pytest.raises(errors.NotFound):
            await b.sessions.join(created.session_id, client, None, "bob")


async def test_lost_live_copies_are_read_again(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three live copies never come: what happens when a leader dies, or this process is too slow."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        client = Client()
        await client.join(b, created.session_id)
        feed = client.joined.feed  # type: ignore[union-attr]
        take = feed.chain.live

        def lossy(copy: Any) -> Any:
            return take(copy) if copy.seq % 3 == 0 else []

        monkeypatch.setattr(feed.chain, "live", lossy)
        before = measures.REPAIRS.labels("gap")._value.get()
        await flood(a.bus, created.session_id, str(created.chat_id), 500)
        stored = await a.stored(created.session_id)
        await eventually(lambda: client.has_all(stored))  # the last one by the sweep, which has no successor to show it
        assert measures.REPAIRS.labels("gap")._value.get() > before


async def test_a_replica_that_lags_makes_no_hole(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        await flood(a.bus, created.session_id, str(created.chat_id), 50)
        read, answers = b.reader.after, 0

        async def lagging(*arguments: Any) -> list[Stored]:
            nonlocal answers
            answers += 1
            return [] if answers % 2 else (await read(*arguments))[:7]

        monkeypatch.setattr(b.reader, "after", lagging)
        client = Client(epoch="epoch-1", at=created.seq)
        await client.join(b, created.session_id, recover=True)
        assert client.joined is not None
        assert client.joined.recovered
        assert client.seen == (await a.stored(created.session_id))[1:]


async def test_nobody_listening_lets_go_and_remembers(nats_url: str) -> None:
    async with gateway(nats_url, linger_s=0.1, max_cached=1) as a:
        created = await a.created()
        await eventually(lambda: measures.OPEN_SESSIONS._value.get() == 0)
        assert measures.CACHED_SESSIONS._value.get() == 1
        sent = await a.send(created.session_id, "again")
        client = Client(epoch="epoch-1", at=created.seq)
        await client.join(a, created.session_id, recover=True)
        assert client.seen == [sent.seq]


async def test_another_log_under_the_same_name_is_noticed(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        await a.send(created.session_id, "one")
        client = Client()
        await client.join(a, created.session_id)
        await a.bus.js.delete_stream(subjects.EVENTS)
        await streams.ensure(a.bus.js, streams.events_config("epoch-2"))
        await eventually(lambda: client.was_insufficient)
        assert a.sessions.epoch == "epoch-2"
        with pytest.raises(errors.NotFound):
            await client.join(a, created.session_id, recover=True)


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
            {"reply_id": reply_id, "chat_id": asked.chat_id, "attempt": 1, "text": "Because", "position": 7}
        ]
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


async def test_a_session_whose_beginning_was_trimmed_is_still_whole(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream forgets its old part; history has it. Resume, strict commands and uniqueness work on."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b", linger_s=0.05) as b:
        created, other = await a.created(), await a.created()
        sent = [await a.send(created.session_id, f"m{number}") for number in range(20)]
        whole = await a.reader.after(subjects.EVENTS, subjects.event(created.session_id), 0)
        last = await a.send(other.session_id, "elsewhere")
        client = Client(epoch="epoch-1", at=sent[3].seq)

        async def read(_owner: str, name: str, request: dict[str, Any], *_: Any) -> dict[str, Any]:
            if (_owner, name) != ("history", "read"):
                raise errors.Unavailable
            of = [each for each in whole if each.subject == subjects.event(request["session_id"])]
            rows = [each for each in of if each.seq > request["after"]]
            page = [{"seq": each.seq, "body": orjson.loads(each.body)} for each in rows[:7]]
            return {"events": page, "next": rows[6].seq if len(rows) > 7 else None, "at": last.seq}

        for where in (a, b):
            monkeypatch.setattr(where.sessions.queries, "ask", read)
        await a.bus.js.purge_stream(subjects.EVENTS, seq=last.seq)
        await client.join(b, created.session_id, recover=True)
        assert client.joined is not None
        assert client.joined.recovered
        assert client.seen == [each.seq for each in sent[4:]]
        with pytest.raises(errors.Conflict):
            await b.commands.execute(CreateSession(id=ids.uuid7(), session_id=created.session_id), ANN)
        await b.joined_by(created.session_id, BOB)
        await a.send(created.session_id, "hello", BOB)
        late = Client()
        snapshot = await late.join(b, created.session_id)
        assert [row["content"] for row in snapshot["messages"]] == [f"m{number}" for number in range(20)] + ["hello"]
        await a.send(created.session_id, "again")
        expected = [each.seq for each in sent[4:]] + await a.stored(created.session_id)
        await eventually(lambda: client.seen == expected)


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
