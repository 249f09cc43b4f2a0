"""What one worker holds, how several share the work, and that nobody is starved."""

import asyncio

import httpx

from services.llm.slots import FAIR
from tests.support.eventually import eventually
from tests.support.llm_world import World, world
from tests.support.openai_server import openai_server
from tests.support.services import RealService, running

HELD = 100


def worker(nats_url: str, url: str, **settings: str) -> dict[str, str]:
    return {"ANTIPHON_NATS_URL": nats_url, "OPENAI_BASE_URL": url, **settings}


async def metric(one: RealService, name: str) -> float:
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"{one.address}/metrics")).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.split()[0].split("{")[0] == name)


async def others(one: World, count: int) -> list[World]:
    """Further sessions on the same bus."""
    made = [World(one.bus, one.reader, one.nats_url) for _ in range(count)]
    for session in made:
        await session.start(makes_log=False)
    return made


async def test_one_worker_holds_a_hundred_replies_and_shows_how_many_wait(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        provider.gate = asyncio.Semaphore(0)
        async with running("llm", worker(nats_url, provider.url, ANTIPHON_DEPTH_S="0.2")) as llm:
            sessions = await others(one, HELD // FAIR + 5)
            asked = [(s, await s.ask("Hold", f"chat {n}")) for s in sessions for n in range(FAIR)]
            await eventually(lambda: len(provider.requests) == HELD, 30)
            assert await metric(llm, "antiphon_llm_generating") == HELD

            async def shown() -> bool:
                queued, waiting = await metric(llm, "antiphon_llm_queued"), await metric(llm, "antiphon_llm_waiting")
                return (queued, waiting) == (len(asked), len(asked) - HELD)

            await eventually(shown)
            assert await metric(llm, "antiphon_llm_oldest_job_seconds") > 0
            for _ in range(len(asked) * len(provider.pieces)):
                provider.gate.release()
            for session, reply_id in asked:
                done = await session.completed(reply_id, 60)
                assert (done.attempt, done.content) == (1, "".join(provider.pieces))


async def test_a_session_that_asks_for_much_does_not_keep_others_waiting(nats_url: str) -> None:
    async with world(nats_url) as crowd, openai_server() as provider:
        provider.gate = asyncio.Semaphore(0)
        async with running("llm", worker(nats_url, provider.url, ANTIPHON_GENERATIONS="8")):
            for number in range(60):
                await crowd.ask(f"Much {number}", f"chat {number}")
            await eventually(lambda: len(provider.requests) == 6)  # of eight, two are for others
            (other,) = await others(crowd, 1)
            reply_id = await other.ask("One thing")

            def is_asked() -> bool:
                return any(request["messages"][-1]["content"] == "One thing" for request in provider.requests)

            await eventually(is_asked, 3)
            for _ in range(61 * len(provider.pieces)):
                provider.gate.release()
            await other.completed(reply_id)
            await eventually(crowd.jobs_are_done, 60)
            assert await crowd.open_replies() == []


async def test_two_workers_write_twice_as_many_replies_at_the_same_time(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        provider.gate = asyncio.Semaphore(0)
        settings = worker(nats_url, provider.url, ANTIPHON_GENERATIONS="2")
        async with running("llm", settings, "llm-1") as first:
            sessions = await others(one, 12)
            asked = [(session, await session.ask("Work")) for session in sessions]
            await eventually(lambda: len(provider.requests) == 2)
            async with running("llm", settings, "llm-2") as second:
                await eventually(lambda: len(provider.requests) == 4)
                assert [await metric(llm, "antiphon_llm_generating") for llm in (first, second)] == [2, 2]
                for _ in range(len(asked) * len(provider.pieces)):
                    provider.gate.release()
                for session, reply_id in asked:
                    assert (await session.completed(reply_id)).attempt == 1
