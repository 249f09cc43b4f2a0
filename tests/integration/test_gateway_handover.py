"""A session that another gateway has open is taken over from it, and only as far as the leader bears it out."""

import asyncio
from typing import Any

import pytest

from services.gateway import handover
from shared import ids, subjects
from shared.bus import streams
from shared.bus.direct import Stored
from shared.events import ContentErased, Remains, encode, wrap
from tests.integration.test_gateway_erased import erase
from tests.support.eventually import eventually
from tests.support.feeds import Client, flood, gateway


def handed_over(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], int]]:
    """What gateways that open a session are given: where the events are, and the leader's newest."""
    proven, given = handover.proven, []

    async def noting(*arguments: Any) -> tuple[list[Stored], int]:
        events, head = await proven(*arguments)
        given.append(([event.seq for event in events], head))
        return events, head

    monkeypatch.setattr(handover, "proven", noting)
    monkeypatch.setattr(handover, "WAIT_S", 5.0)  # however busy this machine is
    return given


async def test_what_another_gateway_has_open_is_not_read_from_the_stream(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        await flood(a.bus, created.session_id, str(created.chat_id), 500)
        stored, given = await a.stored(created.session_id), handed_over(monkeypatch)
        client = Client(epoch="epoch-1", at=created.seq)
        await client.join(b, created.session_id, recover=True)
        assert client.seen == stored[1:]
        assert given == [(stored, stored[-1])]
        async with a.sessions.open(created.session_id) as there, b.sessions.open(created.session_id) as here:
            assert here.state == there.state
            assert here.fold.recent == there.fold.recent
        sent = [await gate.send(created.session_id, "on both") for gate in (a, b)]
        await eventually(lambda: client.seen == [*stored[1:], *(outcome.seq for outcome in sent)])


async def test_what_was_seen_here_before_is_continued(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b", linger_s=0.05) as b:
        created = await a.created()
        await flood(a.bus, created.session_id, str(created.chat_id), 1500)
        async with b.sessions.open(created.session_id) as feed:
            last = feed.last
        await eventually(lambda: b.sessions.opened(created.session_id) is None)
        await flood(a.bus, created.session_id, str(created.chat_id), 300)
        await eventually(lambda: a.sessions.opened(created.session_id).last == last + 300)  # type: ignore[union-attr]
        given = handed_over(monkeypatch)
        client = Client(epoch="epoch-1", at=last)
        await client.join(b, created.session_id, recover=True)
        assert client.seen == (await a.stored(created.session_id))[-300:]
        assert given == [(client.seen, client.seen[-1])]


async def test_more_than_is_in_memory_is_read_from_the_stream(nats_url: str) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        await flood(a.bus, created.session_id, str(created.chat_id), 1500)
        async with b.sessions.open(created.session_id) as feed:
            assert feed.last == (await a.stored(created.session_id))[-1]
            assert len(feed.fold.recent) > 1000


async def test_who_is_behind_gives_what_it_has(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is read. Live copies that reach one gateway late are what its death looks like from the other."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        await flood(a.bus, created.session_id, str(created.chat_id), 100)
        async with a.sessions.open(created.session_id) as behind:
            await eventually(lambda: behind.last == created.seq + 100)
            monkeypatch.setattr(behind.chain, "live", lambda copy: [])
            monkeypatch.setattr(behind, "check", lambda cause: None)
            await flood(a.bus, created.session_id, str(created.chat_id), 100)
            client = Client(epoch="epoch-1", at=created.seq)
            await client.join(b, created.session_id, recover=True)
            assert behind.last == created.seq + 100
        assert client.seen == (await a.stored(created.session_id))[1:]


async def test_who_knows_another_log_is_not_believed(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream restored from a copy counts the same positions again; this gateway has not noticed yet."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        for number in range(3):
            await a.send(created.session_id, f"m{number}")
        stored = await b.reader.after(subjects.EVENTS, subjects.event(created.session_id), 0)
        forged = [*stored[:-1], stored[-1]._replace(body=stored[-1].body.replace(b"m2", b"mX"))]
        beyond = [*stored, stored[-1]._replace(seq=stored[-1].seq + 7)]
        for told in (forged, beyond):

            async def asked(*_: Any, told: list[Stored] = told) -> list[Stored]:
                return told

            monkeypatch.setattr(handover, "asked", asked)
            async with b.sessions.open(created.session_id) as feed:
                assert [(link.seq, link.body) for link in feed.fold.recent] == [
                    (each.seq, each.body) for each in stored
                ]
            await b.sessions._start_over("for the next one")


async def test_who_does_not_answer_is_not_waited_for(nats_url: str) -> None:
    """A gateway that was stopped in place still counts as one of those that have the session."""
    async with gateway(nats_url) as a:
        created = await a.created()
        await flood(a.bus, created.session_id, str(created.chat_id), 20)
    async with gateway(nats_url) as stopped, gateway(nats_url, "gateway/b") as b:
        subject = subjects.handover(created.session_id)
        await stopped.bus.client.listen(subject, lambda *_: None, subjects.QUEUE_GATEWAYS)
        await stopped.bus.client.flush()
        began = asyncio.get_running_loop().time()
        async with b.sessions.open(created.session_id) as feed:
            assert len(feed.fold.recent) == 21
        assert asyncio.get_running_loop().time() - began < 2


async def test_what_was_erased_is_handed_over_as_what_is_left_of_it(nats_url: str) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        secret = await a.send(created.session_id, "secret")
        await a.send(created.session_id, "after it")
        log = await a.reader.after(subjects.EVENTS, subjects.event(created.session_id), 0)
        await erase(a.bus, created.session_id, {secret.seq: log[1].body})
        async with a.sessions.open(created.session_id) as there:
            await eventually(lambda: secret.seq in there.fold.erased)
            async with b.sessions.open(created.session_id) as here:
                assert here.fold.recent == there.fold.recent
                assert here.fold.erased == there.fold.erased
                assert not any(b"secret" in link.body for link in here.fold.recent)


async def test_a_session_of_another_log_is_not_handed_over(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        async with a.sessions.open(created.session_id) as feed:
            await a.bus.js.delete_stream(subjects.EVENTS)
            await streams.ensure(a.bus.js, streams.events_config("epoch-2"))
            await eventually(lambda: feed.dropped)
            assert await handover.asked(a.bus.client, created.session_id, 0) == []


async def test_any_request_gets_an_answer(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        async with a.sessions.open(created.session_id):
            for request in (b"", b"x", b"-1", b"9" * 30, b"9" * 5000):
                reply = await a.bus.client.request(subjects.handover(created.session_id), request, timeout=2)
                assert reply.data == b""
            before = a.bus.client.stats["reconnects"]
            await a.bus.client.publish(subjects.handover(created.session_id), b"0")
            assert (await a.send(created.session_id, "still here")).seq == created.seq + 1
            assert a.bus.client.stats["reconnects"] == before


@pytest.mark.parametrize(
    "said", [b"", b"\n", b"[[1],[2,3]]\n{}", b"[1,2]\n", b'{"a":[]}\n', b'[[1],["x"]]\n{}', b"null\n"]
)
async def test_an_answer_of_another_version_counts_as_none(nats_url: str, said: bytes) -> None:
    async with gateway(nats_url) as a:
        client = a.bus.client

        def tell(_subject: bytes, reply: bytes, _headers: bytes, _body: bytes) -> None:
            client.put(reply.decode(), said)

        await client.listen(subjects.handover("another"), tell)
        assert await handover.asked(client, "another", 0) == []


async def test_many_sessions_opened_at_once_are_read_by_turns(nats_url: str) -> None:
    """Handed over or read: each is whole, and the giver sends no more than it can."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        made = [await a.created() for _ in range(60)]
        await asyncio.gather(*(flood(a.bus, one.session_id, str(one.chat_id), 40) for one in made))
        feeds = await asyncio.gather(*(b.sessions.acquire(one.session_id) for one in made))
        assert [[link.seq for link in feed.fold.recent] for feed in feeds] == [
            await a.stored(one.session_id) for one in made
        ]


async def test_who_has_much_to_send_hands_nothing_over(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        async with a.sessions.open(created.session_id) as feed:
            client = a.bus.client
            assert handover.answer(feed.fold, client, b"0") != b""
            client.put("elsewhere", b"x" * 1_000_000)
            for _ in range(handover.MOST_WAITING // 1_000_000):
                client.put("elsewhere", b"x" * 1_000_000)
            assert handover.answer(feed.fold, client, b"0") == b""


async def test_what_was_erased_and_malformed_leaves_its_place_alone(nats_url: str) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        bad = b'{"type":"message.posted.v1","words":"secret"}'
        stored = await a.bus.js.publish(subjects.event(created.session_id), bad)
        async with a.sessions.open(created.session_id) as there:
            await there.reach(stored.seq)
            remains = [Remains(seq=stored.seq, time_ns=1, digest="0" * 64, body=None)]
            erased = ContentErased(seqs=[stored.seq], message_ids=[], reason="asked for", remains=remains)
            body = encode(wrap(erased, event_id=ids.uuid7(), session_id=created.session_id, source="t", actor="dpo"))
            told = await a.bus.js.publish(subjects.event(created.session_id), body)
            await a.bus.js.delete_msg(subjects.EVENTS, stored.seq)
            await there.reach(told.seq)
            async with b.sessions.open(created.session_id) as handed:
                assert handed.fold.recent == there.fold.recent
                assert [link.body for link in handed.fold.recent][1] == b'{"malformed":true}'
    async with gateway(nats_url, "gateway/c") as c, c.sessions.open(created.session_id) as read:
        assert [link.seq for link in read.fold.recent] == [created.seq, stored.seq, told.seq]
