"""Everybody at once: after a gateway has died its clients open all their sessions on another one."""

import asyncio

from shared import ids, subjects
from shared.bus.connection import Bus
from shared.events import MessagePosted, encode, wrap
from tests.support.feeds import Client, gateway

SESSIONS = 12
EVENTS = 80
CONTENT = "x" * 100_000  # as replies may be; all of it together is more than the server lets wait for one connection


async def fill(bus: Bus, session_id: str, chat_id: str) -> None:
    for _ in range(EVENTS):
        posted = MessagePosted(chat_id=chat_id, content=CONTENT)
        envelope = wrap(posted, event_id=ids.uuid7(), session_id=session_id, source="test", actor="ann")
        await bus.js.publish(subjects.event(session_id), encode(envelope))


async def test_many_large_sessions_can_be_opened_at_once(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        made = [await a.created() for _ in range(SESSIONS)]
        await asyncio.gather(*(fill(a.bus, one.session_id, str(one.chat_id)) for one in made))
        head = (await a.bus.js.stream_info(subjects.EVENTS)).state.last_seq
    async with gateway(nats_url, "gateway/b") as b:
        feeds = await asyncio.gather(*(b.sessions.acquire(one.session_id) for one in made))
        assert max(feed.last for feed in feeds) == head
        assert [len(await b.stored(feed.session_id)) for feed in feeds] == [EVENTS + 1] * SESSIONS
        assert b.bus.client.stats["reconnects"] == 0


async def test_a_session_that_is_let_go_and_opened_at_the_same_moment_stays_open(nats_url: str) -> None:
    """Subscriptions end one after another, and meanwhile somebody comes back."""
    async with gateway(nats_url) as a:
        created = await a.created()
        async with a.sessions.open(created.session_id) as feed:
            ending = feed.detach()
            await feed.attach()
            await ending
            client = Client(epoch="epoch-1", at=created.seq)
            await client.join(a, created.session_id, recover=True)
            sent = await a.send(created.session_id, "still here?")
            assert client.seen == [sent.seq]
