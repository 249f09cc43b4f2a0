"""Who joins in the middle of a reply, on any gateway, sees the text so far and then the rest: every character, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from services.llm.chunks import merged
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, talking
from tests.support.llm_world import World, unanswered_world
from tests.support.openai_server import OpenAIServer, openai_server
from tests.support.servers import NatsServer
from tests.support.services import RealService, running

PIECES = [f"Sentence {number}, naïve 🎼 and all. " for number in range(30)]
ALL = "".join(PIECES)


class Reader:
    """What a person reads: the snapshot's text, then every chunk by its position; every step is checked."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.attempt = 0
        self.text = ""
        self.end = ""

    async def read(self, session_id: str) -> None:
        subscribed = await self._client.call("subscribe", channel=f"session:{session_id}")
        for running_now in subscribed["data"]["running"]:
            self.attempt, self.text = running_now["attempt"], running_now["text"]
            assert running_now["position"] == len(self.text)
            assert ALL.startswith(self.text)
        while not self.end:
            data = (await self._client.publication())["data"]
            if data["type"] == "reply.delta":
                self._take(data)
            elif data["type"] == "reply.completed.v1":
                self.end = data["data"]["content"]

    def _take(self, chunk: dict[str, Any]) -> None:
        assert chunk["attempt"] >= self.attempt, "an attempt that is over"
        if chunk["attempt"] > self.attempt:
            self.attempt, self.text = chunk["attempt"], ""
        assert chunk["position"] <= len(self.text), "a hole"
        text = merged(self.text, chunk["position"], chunk["text"])
        assert len(text) > len(self.text), "nothing new"
        self.text = text
        assert ALL.startswith(self.text), "a character was lost or doubled"


async def release(provider: OpenAIServer, count: int) -> None:
    assert provider.gate is not None
    for _ in range(count):
        provider.gate.release()


@asynccontextmanager
async def conversation(nats_url: str) -> AsyncIterator[tuple[list[RealService], World, OpenAIServer]]:
    """Two gateways and two workers, and a provider that says a piece when it is told to."""
    async with (
        gateways(nats_url, 2) as at,
        unanswered_world(nats_url, makes_log=False) as one,
        one.projector(),
        openai_server() as provider,
    ):
        provider.gate, provider.pieces = asyncio.Semaphore(0), PIECES
        settings = {"ANTIPHON_NATS_URL": nats_url, "OPENAI_BASE_URL": provider.url}
        async with running("llm", settings, "llm-1") as first, running("llm", settings, "llm-2") as second:
            yield [*at, first, second], one, provider


async def test_who_joins_at_any_time_on_any_gateway_reads_every_character_once(nats_url: str) -> None:
    async with conversation(nats_url) as (services, _, provider):
        async with talking(services[:2], *["ann"] * 12) as clients, asyncio.TaskGroup() as reading:
            session_id = await new_session(clients[0])
            readers = [Reader(client) for client in clients]
            reading.create_task(readers[0].read(session_id))
            await clients[0].send_message(session_id, "Tell me", reply=True)
            for number, reader in enumerate(readers[1:], 1):
                await release(provider, 2)
                if number % 2:  # in the middle of what comes; the others between two chunks
                    await eventually(lambda n=number: len(readers[0].text) >= len("".join(PIECES[: 2 * n])))  # type: ignore[misc]
                reading.create_task(reader.read(session_id))
            await release(provider, len(PIECES))
        assert {reader.end for reader in readers} == {ALL}


async def test_nothing_is_lost_or_doubled_when_the_bus_and_its_memory_die_in_the_middle(
    nats_server: NatsServer,
) -> None:
    async with conversation(nats_server.url) as (services, _, provider):
        async with talking(services[:2], *["ann"] * 4) as clients, asyncio.TaskGroup() as reading:
            session_id = await new_session(clients[0])
            early, late, there, last = (Reader(client) for client in clients)
            reading.create_task(early.read(session_id))
            await clients[0].send_message(session_id, "Tell me", reply=True)
            await release(provider, 10)
            await eventually(lambda: early.text == "".join(PIECES[:10]))
            reading.create_task(there.read(session_id))
            await eventually(lambda: there.text == early.text)
            async with nats_server.killed():
                await release(provider, 5)
            await eventually(lambda: early.text == there.text == "".join(PIECES[:15]), 20)
            reading.create_task(late.read(session_id))
            await eventually(lambda: late.text == early.text)
            await release(provider, 5)
            await eventually(lambda: late.text == there.text == early.text == "".join(PIECES[:20]))
            reading.create_task(last.read(session_id))
            await release(provider, len(PIECES))
        assert {reader.end for reader in (early, late, there, last)} == {ALL}
        assert (early.attempt, last.attempt) == (1, 1), "the worker went on where it was"


async def test_a_second_attempt_takes_the_place_of_the_first_for_everybody(nats_url: str) -> None:
    async with conversation(nats_url) as (services, one, provider):
        async with talking(services[:2], "ann", "ann", "ann") as clients, asyncio.TaskGroup() as reading:
            session_id = await new_session(clients[0])
            early, there, late = (Reader(client) for client in clients)
            reading.create_task(early.read(session_id))
            reading.create_task(there.read(session_id))
            await clients[0].send_message(session_id, "Tell me", reply=True)
            await release(provider, 10)
            await eventually(lambda: early.text == there.text == "".join(PIECES[:10]))
            started = [r for r in await one.log(session_id) if r.envelope.type == "reply.started.v1"]
            (writing,) = [s for s in services[2:] if started[-1].envelope.source == f"llm/{s.name}"]
            writing.kill()
            await eventually(lambda: len(provider.requests) == 2)
            await release(provider, 5)
            await eventually(lambda: early.attempt == there.attempt == 2 and early.text == "".join(PIECES[:5]))
            reading.create_task(late.read(session_id))
            await eventually(lambda: late.text == early.text)
            await release(provider, len(PIECES))
        assert {(reader.end, reader.attempt) for reader in (early, there, late)} == {(ALL, 2)}
