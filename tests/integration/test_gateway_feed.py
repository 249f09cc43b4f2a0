"""The feed on a real server: entering, leaving and coming back while a publisher runs at full speed."""

import asyncio

import pytest

from services.gateway import hub, measures
from shared import errors, ids
from shared.session.commands import LeaveSession
from tests.support.eventually import eventually
from tests.support.feeds import BOB, Client, Gateway, flood, gateway, projector_behind


@pytest.mark.parametrize("crowd", [hub.CROWD, 1])
async def test_many_enter_and_come_back_under_full_speed_without_hole_or_repeat(
    nats_url: str, monkeypatch: pytest.MonkeyPatch, crowd: int
) -> None:
    """Fresh (on a snapshot that lags by up to 300 events, or is ahead of the feed) and with a position, on both; told
    of each event at once, and in rounds.
    """
    monkeypatch.setattr(hub, "CROWD", crowd)
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


async def test_nobody_listening_lets_go_and_remembers(nats_url: str) -> None:
    async with gateway(nats_url, linger_s=0.1, max_cached=1) as a:
        created = await a.created()
        await eventually(lambda: measures.OPEN_SESSIONS._value.get() == 0)
        assert measures.CACHED_SESSIONS._value.get() == 1
        sent = await a.send(created.session_id, "again")
        client = Client(epoch="epoch-1", at=created.seq)
        await client.join(a, created.session_id, recover=True)
        assert client.seen == [sent.seq]


async def test_who_just_joined_elsewhere_may_enter_here_at_once(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who joined on another gateway a moment ago may enter here, though the live copy is still on its way."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        async with b.sessions.open(created.session_id) as feed:
            monkeypatch.setattr(feed.chain, "live", lambda copy: [])
            await a.joined_by(created.session_id, BOB)
            snapshot = await Client(user="bob").join(b, created.session_id)
            assert [person["user"] for person in snapshot["participants"]] == ["ann", "bob"]
