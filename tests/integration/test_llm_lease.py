"""Leases on chats: one holder at a time, and a dead one is soon forgotten."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.llm.lease import TTL_S, ChatBusyError, LeaseLostError, Leases
from shared import subjects
from shared.bus.connection import Bus, connect
from shared.bus.direct import DirectReader, Stored, StreamLost
from tests.support.eventually import eventually
from tests.support.servers import NatsServer


@asynccontextmanager
async def leases(nats_url: str, name: str) -> AsyncIterator[tuple[Leases, Bus]]:
    async with connect(nats_url, name) as bus:
        reader = DirectReader(bus.client)
        await reader.start()
        one = Leases(bus, reader, name)
        await one.ensure()
        yield one, bus


async def is_free(one: Leases) -> bool:
    try:
        async with one.held("session", "a chat"):
            return True
    except ChatBusyError:
        return False


async def test_a_lease_is_kept_beyond_its_ttl_and_free_when_it_is_given_back(nats_url: str) -> None:
    async with leases(nats_url, "one") as (first, _), leases(nats_url, "two") as (second, _):
        async with first.held("session", "a chat"):
            until = time.monotonic() + TTL_S + 1
            free: list[bool] = []

            async def looked_long_enough() -> bool:
                free.append(await is_free(second))
                return time.monotonic() > until

            await eventually(looked_long_enough)
            assert not any(free)
        assert await is_free(second)


class Overtaken(DirectReader):
    """A refresh that was on its way when the lease was given back arrives just after the first look at the lease."""

    bus: Bus
    looks = 0

    async def head(self, stream: str, subject: str) -> Stored | None:
        last = await super().head(stream, subject)
        self.looks += 1
        if last is not None and self.looks == 2:  # the first was made to take it
            expected = {subjects.HEADER_EXPECTED_LAST: str(last.seq)}
            await self.bus.js.publish(subject, last.body, headers=expected, msg_ttl=TTL_S)
        return last


async def test_a_refresh_that_comes_too_late_does_not_keep_a_lease_that_is_given_back(nats_url: str) -> None:
    async with leases(nats_url, "two") as (second, bus):
        reader = Overtaken(bus.client)
        reader.bus = bus
        async with Leases(bus, reader, "one").held("session", "a chat"):
            assert not await is_free(second)
        assert reader.looks == 3
        assert await is_free(second)


async def test_the_lease_of_a_dead_worker_is_free_after_its_ttl(nats_url: str) -> None:
    async with leases(nats_url, "two") as (second, bus):
        await bus.js.publish(subjects.lease("session", "a chat"), b"dead", msg_ttl=TTL_S)
        started_at = time.monotonic()
        assert not await is_free(second)
        await eventually(lambda: is_free(second))
        assert time.monotonic() - started_at < TTL_S + 1


async def test_who_has_lost_the_lease_is_stopped(nats_url: str) -> None:
    async with leases(nats_url, "one") as (first, bus):

        async def lose_it() -> None:
            async with first.held("session", "a chat"):
                await bus.js.publish(subjects.lease("session", "a chat"), b"another one", msg_ttl=60)
                await asyncio.wait_for(asyncio.Event().wait(), 5)

        with pytest.raises(LeaseLostError):
            await lose_it()


async def test_a_lease_that_expired_while_the_bus_was_away_is_taken_again(nats_server: NatsServer) -> None:
    async with (
        leases(nats_server.url, "one") as (first, bus),
        leases(nats_server.url, "two") as (second, _),
        first.held("session", "a chat"),
    ):
        async with nats_server.killed():
            until = time.monotonic() + TTL_S + 0.5
            await eventually(lambda: time.monotonic() > until)

        async def ours_again() -> bool:
            head = await DirectReader(bus.client).head("KV_leases", subjects.lease("session", "a chat"))
            return head is not None and head.body.startswith(b"one/")

        await eventually(ours_again)
        assert not await is_free(second)


async def test_leases_that_were_lost_are_taken_again(nats_url: str) -> None:
    async with leases(nats_url, "one") as (first, bus), leases(nats_url, "two") as (second, _):
        async with first.held("session", "a chat"):
            await bus.js.delete_stream("KV_leases")

            async def ours_again() -> bool:
                try:
                    head = await DirectReader(bus.client).head("KV_leases", subjects.lease("session", "a chat"))
                except StreamLost:
                    return False
                return head is not None and head.body.startswith(b"one/")

            await eventually(ours_again)
            assert not await is_free(second)
        await bus.js.delete_stream("KV_leases")
        assert await is_free(second), "who comes first makes the bucket"
