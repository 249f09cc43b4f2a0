"""`antiphon replay publish`: the pauses are those that there were, and a bus that goes away ends it in one sentence."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.ops import republish
from shared.bus.connection import connect
from tests.support.eventually import eventually
from tests.support.logs import filled, surroundings
from tests.support.servers import NatsServer
from tests.support.services import CLEAN

NS_PER_MS = 10**6


async def recorded(*at_ms: int) -> AsyncIterator[dict[str, Any]]:
    for seq, ms in enumerate(at_ms, start=1):
        yield {"seq": seq, "time_ns": 10**18 + ms * NS_PER_MS, "session_id": "s", "body": {"n": seq}}


@pytest.mark.parametrize(("speed", "wanted_ms"), [("1", [0, 300, 300, 600]), ("10", [0, 30, 30, 60])])
async def test_events_come_with_the_pauses_they_had(nats_url: str, speed: str, wanted_ms: list[float]) -> None:
    loop, came, certain = asyncio.get_running_loop(), list[float](), list[int]()
    async with connect(nats_url, "test") as bus:

        async def keep(_message: object) -> None:
            came.append(loop.time() * 1000)

        await bus.client.subscribe("copy.s", cb=keep)
        await bus.client.flush()
        sent = await republish.republish(bus, recorded(0, 300, 300, 600), "copy", republish.pace(speed), certain.append)
        await eventually(lambda: len(came) == 4)
    assert (sent, certain[-1], certain) == (4, 4, sorted(certain))
    pauses = [one - came[0] for one in came]
    assert all(got > wanted - 20 for got, wanted in zip(pauses, wanted_ms, strict=True)), "never early"
    assert pauses[-1] < wanted_ms[-1] + 250, "late by no more than a busy machine is"


async def test_nothing_new_leaves_the_place_where_it_was(nats_url: str) -> None:
    certain: list[int] = []
    async with connect(nats_url, "test") as bus:
        assert await republish.republish(bus, recorded(), "copy", 0, certain.append) == 0
    assert certain == []


async def test_a_bus_that_dies_ends_it_with_a_sentence_and_the_place(
    nats_server: NatsServer, database_url: str, tmp_path: Path
) -> None:
    async with surroundings(nats_server.url, database_url) as (_, engine):
        await filled(engine, 9)
    resume = tmp_path / "resume.json"
    words = ("--database-url", database_url, "--nats-url", nats_server.url, "--to", "copy", "--all")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.ops", "replay", "publish", *words, "--speed", "1e-9", "--resume", str(resume),
        env=CLEAN, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await eventually(resume.exists)
    nats_server.kill()
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, b"The bus went away" in said, b"Traceback" in said) == (1, True, False), said
    assert orjson.loads(resume.read_bytes())["seq"] < 9, "what was sent to nobody is not called sent"
