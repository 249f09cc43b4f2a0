"""What a reply survives: workers that die, freeze or are stopped, a bus that dies, a projector that is away."""

import asyncio
import os
import shutil
import signal
import time
from contextlib import suppress

from nats.js.errors import APIError

from services.llm.offline import answer
from shared import ids, subjects
from shared.bus import streams
from shared.events import ReplyCompleted, SessionCreated
from tests.support.eventually import eventually
from tests.support.llm_world import ALICE, World, unanswered_world, world
from tests.support.logs import is_green, readiness
from tests.support.openai_server import openai_server
from tests.support.servers import NatsServer, freeze
from tests.support.services import RealService, running

TAKEOVER_S = 5.0


def worker(nats_url: str, **settings: str) -> dict[str, str]:
    return {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_OFFLINE_WORD_MS": "60", **settings}


async def begun(one: World, reply_id: str, characters: int = 20) -> None:
    await eventually(lambda: len(one.text(reply_id)) > characters)


async def author(one: World, reply_id: str, *workers: RealService) -> tuple[RealService, RealService]:
    """The worker that writes the reply now, and the other one."""
    sources = [r.envelope.source for r in await one.log() if r.envelope.type == "reply.started.v1"]
    first, second = workers
    return (first, second) if sources[-1] == f"llm/{first.name}" else (second, first)


async def test_when_its_worker_is_killed_another_one_finishes_the_reply(nats_url: str) -> None:
    async with (
        world(nats_url) as one,
        running("llm", worker(nats_url), "llm-1") as first,
        running("llm", worker(nats_url), "llm-2") as second,
    ):
        reply_id = await one.ask("Survive")
        await begun(one, reply_id)
        writing, _ = await author(one, reply_id, first, second)
        writing.kill()
        killed_at = time.monotonic()

        async def taken_over() -> bool:
            return await one.attempts(reply_id) == [1, 2]

        await eventually(taken_over)
        assert time.monotonic() - killed_at < TAKEOVER_S
        done = await one.completed(reply_id)
        assert (done.attempt, done.content) == (2, answer("Survive"))
        await eventually(lambda: one.text(reply_id) == done.content)


async def test_a_frozen_worker_that_wakes_up_changes_nothing(nats_url: str) -> None:
    async with (
        world(nats_url) as one,
        running("llm", worker(nats_url), "llm-1") as first,
        running("llm", worker(nats_url), "llm-2") as second,
    ):
        reply_id = await one.ask("Freeze")
        await begun(one, reply_id)
        frozen, _ = await author(one, reply_id, first, second)
        freeze(frozen.pid)
        try:
            done = await one.completed(reply_id)
        finally:
            os.kill(frozen.pid, signal.SIGCONT)
        assert done.attempt == 2

        again = await one.ask("And now?")  # both are awake: whoever takes it, the first reply stays as it ended
        await one.completed(again)
        await eventually(lambda: "end_dropped" in frozen.log or "message_naked" in frozen.log)
        assert await one.of(ReplyCompleted, reply_id) == [done]
        assert await one.attempts(again) == [1]


async def test_a_worker_that_is_stopped_hands_its_reply_over_at_once(nats_url: str) -> None:
    settings = worker(nats_url, ANTIPHON_DRAIN_S="0.1", ANTIPHON_OFFLINE_WORD_MS="500")
    async with world(nats_url) as one, running("llm", settings, "llm-1") as first:
        reply_id = await one.ask("Stop")
        await begun(one, reply_id)
        async with running("llm", worker(nats_url, ANTIPHON_OFFLINE_WORD_MS="1"), "llm-2"):
            started_at = time.monotonic()
            assert await asyncio.to_thread(first.terminate) == 0
            assert (await one.completed(reply_id)).attempt == 2
            assert time.monotonic() - started_at < 3.0


async def test_a_stopped_worker_ends_what_it_can_end_in_time(nats_url: str) -> None:
    async with world(nats_url) as one, running("llm", worker(nats_url, ANTIPHON_OFFLINE_WORD_MS="15")) as llm:
        reply_id = await one.ask("Drain")
        await begun(one, reply_id)
        assert await asyncio.to_thread(llm.terminate) == 0
        assert (await one.completed(reply_id)).attempt == 1


async def test_a_reply_survives_the_death_of_the_bus_and_its_text_is_sent_again(nats_server: NatsServer) -> None:
    async with world(nats_server.url) as one, running("llm", worker(nats_server.url)):
        reply_id = await one.ask("Bus")
        await begun(one, reply_id)
        async with nats_server.killed():
            pass
        done = await one.completed(reply_id)
        assert done.content == answer("Bus")
        assert done.attempt == 1, "the worker that had begun went on"
        one.deltas = await one.stored_deltas()  # in the stream that was made anew
        assert one.text(reply_id) == done.content


async def test_a_reply_that_ends_while_the_bus_is_away_is_recorded_when_it_is_back(nats_server: NatsServer) -> None:
    async with world(nats_server.url) as one, openai_server() as provider:
        provider.gate = asyncio.Semaphore(2)
        async with running("llm", worker(nats_server.url, OPENAI_BASE_URL=provider.url)):
            reply_id = await one.ask("Bus")
            await begun(one, reply_id, 5)
            async with nats_server.killed():
                for _ in provider.pieces:
                    provider.gate.release()
                await eventually(lambda: provider.answered == 1)
            done = await one.completed(reply_id)
            assert (done.content, done.attempt) == ("".join(provider.pieces), 1)


async def test_without_the_projector_new_replies_wait(nats_url: str) -> None:
    async with unanswered_world(nats_url) as one, running("llm", worker(nats_url, ANTIPHON_OFFLINE_WORD_MS="1")) as llm:
        reply_id = await one.ask("Wait")
        await eventually(lambda: "message_naked" in llm.log, 15)
        assert await one.attempts(reply_id) == []
        async with one.projector():
            assert (await one.completed(reply_id)).attempt == 1


async def test_a_reply_over_which_workers_keep_dying_is_given_up(nats_url: str) -> None:
    settings = worker(nats_url, ANTIPHON_MAX_ATTEMPTS="1")
    async with world(nats_url) as one:
        async with running("llm", settings) as llm:
            reply_id = await one.ask("Cursed")
            await begun(one, reply_id)
            llm.kill()
        async with running("llm", settings):
            failed = await one.failed(reply_id)
            assert (failed.reason, failed.attempt) == ("gave_up", 1)
            parked = await one.bus.js.stream_info(subjects.PARKED)
            assert parked.state.messages == 1


async def test_a_worker_that_comes_before_the_log_is_ready_once_there_is_one(nats_url: str) -> None:
    async with running("llm", worker(nats_url, ANTIPHON_OFFLINE_WORD_MS="1"), wait_ready=False), world(nats_url) as one:
        await one.completed(await one.ask("Early"))


async def test_living_workers_go_on_when_every_stream_is_lost(nats_server: NatsServer) -> None:
    """The data of JetStream is gone, and whoever is in charge has made EVENTS again: nobody restarts a worker."""
    async with (
        world(nats_server.url) as one,
        running("llm", worker(nats_server.url, ANTIPHON_OFFLINE_WORD_MS="5")) as llm,
    ):
        await one.completed(await one.ask("First"))
        nats_server.kill()
        shutil.rmtree(nats_server.directory / "nats" / "jetstream")
        await nats_server.restart()
        await eventually(lambda: one.bus.is_connected)
        config = streams.events_config("another")
        config.first_seq = 100

        async def made_again() -> bool:
            with suppress(APIError):  # JetStream comes up a moment after its server
                await one.bus.js.add_stream(config)
                return True
            return False

        await eventually(made_again)
        one.session_id = ids.uuid7()
        await one.record(SessionCreated(owner=ALICE, chat_id=one.chat_id), ids.uuid7())
        assert (await one.completed(await one.ask("Second"))).content == answer("Second")
        await is_green(llm)
        assert (await readiness(llm))["checks"]["prompts"]["status"] == "ok"
        assert "part_failed" not in llm.log
