"""The feed on a real server whose live copies are lost, whose replicas lag, or whose stream is not what it was."""

from typing import Any

import pytest

from services.gateway import measures
from shared import errors, subjects
from shared.bus import streams
from shared.bus.direct import Stored
from tests.support.eventually import eventually
from tests.support.feeds import Client, flood, gateway, no_handover


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

        no_handover(monkeypatch)
        monkeypatch.setattr(b.reader, "after", lagging)
        client = Client(epoch="epoch-1", at=created.seq)
        await client.join(b, created.session_id, recover=True)
        assert client.joined is not None
        assert client.joined.recovered
        assert client.seen == (await a.stored(created.session_id))[1:]


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


async def test_what_this_process_was_too_slow_for_is_read_again(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client library drops what it can't hold and says so; nothing else would show that the last copy is gone."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        client = Client()
        await client.join(b, created.session_id)
        assert client.joined is not None
        feed = client.joined.feed
        with monkeypatch.context() as patch:
            patch.setattr(feed.chain, "live", lambda copy: [])
            sent = await a.send(created.session_id, "unheard")
            for hook in b.bus.on_slow_consumer:
                hook(feed.subscriptions[0])
            await eventually(lambda: client.seen == [sent.seq], 2)
