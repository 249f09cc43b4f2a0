"""The connection to NATS is cut and made again while something is on its way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats.errors
import pytest

from shared import errors, subjects
from shared.bus.client import QuickClient
from shared.bus.connection import connect
from shared.bus.direct import DirectReader
from tests.support.eventually import eventually
from tests.support.feeds import flood, gateway
from tests.support.proxy import Proxy, proxied


@asynccontextmanager
async def clients(nats_url: str) -> AsyncIterator[tuple[QuickClient, QuickClient, Proxy]]:
    """One behind a proxy, one that is not, and the proxy."""
    async with (
        proxied(nats_url) as (proxy, url),
        connect(url, "behind") as behind,
        connect(nats_url, "beside") as beside,
    ):
        yield behind.client, beside.client, proxy


async def test_what_was_given_up_is_not_sent_after_a_reconnect(nats_url: str) -> None:
    """Whoever was refused may have sent it elsewhere, long ago."""
    heard: list[bytes] = []
    async with clients(nats_url) as (client, other, proxy):
        await other.listen("a", lambda _subject, _reply, _headers, body: heard.append(body))
        await other.flush()
        proxy.cut()
        await eventually(lambda: not client.is_connected)
        client.put("a", b"before")
        with pytest.raises(TimeoutError):
            await client.call("a", b"given up", 0.1)
        client.put("a", b"after")
        assert client.pending_data_size == len(b"PUB a  6\r\nbefore\r\n" + b"PUB a  5\r\nafter\r\n")
        proxy.back()
        await eventually(lambda: len(heard) > 1)
        await client.flush()
    assert heard == [b"before", b"after"]


async def test_a_subscription_that_ended_while_the_server_was_away_leaves_nothing_there(nats_url: str) -> None:
    async with clients(nats_url) as (client, other, proxy):
        proxy.cut()
        await eventually(lambda: client.is_reconnecting)
        subscription = await client.listen("a", lambda *_: None)
        await subscription.unsubscribe()
        proxy.back()
        await eventually(lambda: client.is_connected)
        await client.flush()
        with pytest.raises(nats.errors.NoRespondersError):
            await other.request("a", b"is anybody there?", timeout=5)


@pytest.mark.parametrize("lost", [range(30), range(30, 60), range(101, 102)], ids=["front", "middle", "last"])
async def test_an_answer_of_which_a_part_was_lost_is_none(nats_url: str, lost: range) -> None:
    """The inbox outlives a reconnect, and the server goes on with its answer: its front stays behind."""
    async with gateway(nats_url) as a:
        created = await a.created()
        await flood(a.bus, created.session_id, str(created.chat_id), 101)
        reader = DirectReader(a.bus.client)
        await reader.start()
        assert reader._subscription is not None
        handlers, sid, count = a.bus.client._handlers, reader._subscription._id, 0
        take = handlers[sid]

        def lossy(subject: bytes, reply: bytes, headers: bytes, body: bytes) -> None:
            nonlocal count
            if count not in lost:
                take(subject, reply, headers, body)
            count += 1

        handlers[sid] = lossy
        with pytest.raises(errors.Unavailable, match="a part of the answer was lost"):
            await reader.after(subjects.EVENTS, subjects.event(created.session_id), 0)
        assert len(await reader.after(subjects.EVENTS, subjects.event(created.session_id), 0)) == 102
