"""A slow reader of a long reply: it gets the whole text in few chunks, and nobody waits for it."""

import asyncio
from typing import Any

import orjson

from shared import ids, subjects
from shared.bus import connection
from shared.bus.connection import Bus
from tests.integration.test_gateway_socket_slow import SETTINGS, deaf
from tests.support.client import Client
from tests.support.gateways import gateways, new_session, talking

NOISE = b'{"type":"noise","text":"%b"}' % (b"n" * 60_000)
CHUNKS = 200
WORDS = "so many wörds that one reader can't keep up " * 5


async def noise(bus: Bus, ada: Client, session_id: str) -> None:
    """Passing things that fill a pipe of several megabytes, and are left out once it is full."""
    for _ in range(200):
        await bus.client.publish(subjects.signal(session_id), NOISE)
        assert (await ada.publication())["data"]["type"] == "noise"


async def test_a_slow_reader_of_a_long_reply_gets_all_of_it(nats_url: str) -> None:
    async with (
        gateways(nats_url, 1, SETTINGS) as one,
        talking(one, "ada") as (ada,),
        connection.connect(nats_url, "test") as bus,
    ):
        session_id = await new_session(ada)
        await ada.call("subscribe", channel=f"session:{session_id}")
        asked = await ada.send_message(session_id, "tell me", reply=True)
        assert (await ada.event())["offset"] == asked["seq"]
        slow = await deaf(one[0], session_id)
        await noise(bus, ada, session_id)
        delta: dict[str, Any] = {"type": "reply.delta", "reply_id": asked["reply_id"], "chat_id": "c", "attempt": 1}
        loop = asyncio.get_running_loop()
        longest_s = 0.0
        for number in range(CHUNKS):
            began_at = loop.time()
            chunk = {**delta, "position": number * len(WORDS), "text": WORDS}
            await bus.js.publish(subjects.delta(session_id), orjson.dumps(chunk))
            assert (await ada.publication())["data"]["position"] == chunk["position"]
            longest_s = max(longest_s, loop.time() - began_at)
        assert longest_s < 1.0
        text, chunks = "", 0
        async with asyncio.timeout(20):
            while len(text) < CHUNKS * len(WORDS):
                for line in str(await slow.recv()).splitlines():
                    data = orjson.loads(line).get("push", {}).get("pub", {}).get("data", {})
                    if data.get("type") == "reply.delta":
                        assert data["position"] == len(text), "no hole in the text"
                        text, chunks = text + data["text"], chunks + 1
        assert text == WORDS * CHUNKS
        assert chunks < CHUNKS / 2
        await slow.close()
        seq = (await ada.rpc("message.send", id=ids.uuid7(), session_id=session_id, content="thanks"))["seq"]
        assert (await ada.event())["offset"] == seq
