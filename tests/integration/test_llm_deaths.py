"""Every reply ends exactly once, at whichever step of the way its worker dies."""

import asyncio
from pathlib import Path

from services.llm.offline import answer
from tests.support.eventually import eventually
from tests.support.llm_world import world
from tests.support.mortal import STEPS, Nursery, nursery
from tests.support.servers import NatsServer, alive

AT_ONCE = 5  # steps tried at the same time, each with a server of its own
SECOND = {"started, nobody asked", "first words said, not sent", "in the middle of the text", "all chunks sent, no end"}


async def die_at(step: str, workers: Nursery, directory: Path) -> tuple[str, list[int], str]:
    """How the reply ended whose worker died at `step`, after which attempts, and its text."""
    directory.mkdir()
    server = NatsServer(directory)
    server.launch()
    try:
        await server.ready()
        async with world(server.url) as one:
            settings = {"nats_url": server.url, "offline_word_ms": 1, "model": "offline"}
            first = await workers.worker("llm-1", step, **settings)
            if "cancel" in step:
                reply_id = await one.ask("Die", cancelled=True)
            else:
                reply_id = await one.ask("Die")
            await eventually(lambda: not alive(first), 20)
            await workers.worker("llm-2", **settings)
            done = await one.completed(reply_id, 20)
            await eventually(one.jobs_are_done, 20)
            assert await one.open_replies() == []
            (end,) = [r for r in await one.log() if r.envelope.type == "reply.completed.v1"]
            assert end.envelope.causationid
            return done.finish_reason, await one.attempts(reply_id), done.content
    finally:
        server.stop()


async def test_a_reply_ends_once_wherever_its_worker_dies(tmp_path: Path) -> None:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, step: str) -> tuple[str, list[int], str]:
        async with turns:
            return await die_at(step, workers, tmp_path / str(number))

    async with nursery(tmp_path / "workers.log") as workers:
        ends = await asyncio.gather(*(one(number, step) for number, step in enumerate(STEPS)))
    for step, end in zip(STEPS, ends, strict=True):
        if "cancel" in step:
            assert end == ("cancelled", [], ""), step
        else:
            assert end == ("stop", [1, 2] if step in SECOND else [1], answer("Die")), step
