"""Streams that anybody may make are made again by whoever finds them lost."""

import asyncio

import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from shared import errors, ids, subjects
from shared.bus import consume, direct, streams
from shared.bus.connection import Bus, connect
from tests.support.eventually import eventually
from tests.support.servers import NatsServer

JOB = subjects.prompt("s1")
CONFIG = ConsumerConfig(durable_name="d", ack_policy=AckPolicy.EXPLICIT)


def jobs(bus: Bus, made: list[str]) -> consume.Puller:
    async def ensure() -> None:
        made.append(subjects.PROMPTS)
        await streams.ensure(bus.js, streams.PROMPTS)

    return consume.Puller(bus, subjects.PROMPTS, CONFIG, ensure=ensure)


async def is_there(bus: Bus) -> bool:
    return subjects.PROMPTS in [info.config.name for info in await bus.js.streams_info()]


async def test_who_pulls_makes_a_lost_stream_again(nats_url: str) -> None:
    async with connect(nats_url, "test") as bus:
        await streams.ensure(bus.js, streams.PROMPTS)
        made: list[str] = []
        puller = jobs(bus, made)
        await puller.start()
        assert not made, "it was there"
        waiting = asyncio.create_task(puller.batch(1))
        await bus.js.delete_stream(subjects.PROMPTS)
        await eventually(lambda: is_there(bus))
        await bus.js.publish(JOB, b"later")
        (message,) = await asyncio.wait_for(waiting, 10)
        assert (message.data, bool(made)) == (b"later", True)
        await puller.stop()


async def test_a_stream_that_was_not_lost_keeps_what_is_in_it(nats_server: NatsServer) -> None:
    async with connect(nats_server.url, "test") as bus:
        await streams.ensure(bus.js, streams.PROMPTS)
        puller = jobs(bus, [])
        await puller.start()
        async with nats_server.killed():
            pass
        await eventually(lambda: bus.is_connected)
        await eventually(lambda: is_there(bus))
        await bus.js.publish(JOB, b"one", headers={subjects.HEADER_MSG_ID: ids.uuid7()})
        async with nats_server.killed():
            pass
        (message,) = await asyncio.wait_for(puller.batch(1), 10)
        assert message.data == b"one"
        await puller.stop()


async def test_what_can_not_be_handled_is_parked_whether_there_is_a_place_or_not(nats_url: str) -> None:
    async with connect(nats_url, "test") as bus:
        await streams.ensure(bus.js, streams.PROMPTS)
        puller = jobs(bus, [])
        await puller.start()
        await bus.js.publish(JOB, b"hopeless")
        (message,) = await asyncio.wait_for(puller.batch(1), 10)
        await consume.park(bus, "test", message, "never")
        assert (await bus.js.get_last_msg(subjects.PARKED, subjects.parked("test", "s1"))).data == b"hopeless"
        await puller.stop()


async def test_a_lost_stream_is_told_from_one_that_does_not_answer(nats_server: NatsServer) -> None:
    async with connect(nats_server.url, "test") as bus:
        reader = direct.DirectReader(bus.client)
        with pytest.raises(direct.StreamLost):
            await reader.head(subjects.PROMPTS, JOB)
        await streams.ensure(bus.js, streams.PROMPTS)
        assert await reader.head(subjects.PROMPTS, JOB) is None
        async with nats_server.killed():
            with pytest.raises(errors.Unavailable) as told:
                await reader.head(subjects.PROMPTS, JOB)
            assert not isinstance(told.value, direct.StreamLost)
