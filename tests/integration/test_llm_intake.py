"""Who asks for a reply is not kept waiting by the rounds in which the events are looked through."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from services.llm import intake
from shared import ids, subjects
from shared.bus import connection
from shared.bus.streams import wait_for_events
from shared.events import SessionRenamed
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, talking
from tests.support.llm_world import World, unanswered_world
from tests.support.responders import AGENTS, answering

LONG_S = 60.0


@asynccontextmanager
async def looking(one: World) -> AsyncIterator[list[tuple[str, str]]]:
    """An intake that has just looked, so that it would look again only when its time has come; what it cancels."""
    cancelled: list[tuple[str, str]] = []

    async def cancel(session_id: str, reply_id: str) -> None:
        cancelled.append((session_id, reply_id))

    taking = asyncio.create_task(intake.run_intake(one.bus, cancel))
    try:
        await eventually(lambda: nothing_is_left(one))  # the round after a rest is not held up
        await one.record(SessionRenamed(title="talk"), ids.uuid7())
        await eventually(lambda: nothing_is_left(one))
        yield cancelled
    finally:
        taking.cancel()


async def nothing_is_left(one: World) -> bool:
    """Whether all that is stored was looked at. What the consumer has pending does not say it: it hears of it later."""
    try:
        info = await one.bus.js.consumer_info(subjects.EVENTS, subjects.LLM_INTAKE)
    except NotFoundError:
        return False
    stored = (await one.bus.js.stream_info(subjects.EVENTS)).state.last_seq
    return info.ack_floor is not None and info.ack_floor.stream_seq == stored


async def test_a_notice_makes_a_job_at_once(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "APART_S", LONG_S)
    async with unanswered_world(nats_url) as one, looking(one) as cancelled:
        reply_id = await one.ask("Hurry")
        assert await one.jobs() == 0
        await one.bus.client.publish(subjects.REPLY_ASKED)
        await eventually(lambda: one.jobs())
        job = await one.bus.js.get_last_msg(subjects.PROMPTS, subjects.prompt(one.session_id))
        assert orjson.loads(job.data or b"")["reply_id"] == reply_id
        await one.cancel(reply_id)
        await one.bus.client.publish(subjects.REPLY_ASKED)
        await eventually(lambda: cancelled == [(one.session_id, reply_id)])
        await eventually(lambda: nothing_is_left(one))


async def test_without_the_notice_it_is_a_job_soon(nats_url: str) -> None:
    async with unanswered_world(nats_url) as one, looking(one):
        await one.ask("No hurry")
        began = asyncio.get_running_loop().time()
        await eventually(lambda: one.jobs())
        assert asyncio.get_running_loop().time() - began < intake.APART_S + 1


async def test_gateways_tell_of_what_asks_for_a_reply_and_of_nothing_else(nats_url: str) -> None:
    notices: list[Msg] = []

    async def note(message: Msg) -> None:
        notices.append(message)

    async with (
        answering(nats_url, "llm", agents=lambda question: AGENTS),
        gateways(nats_url, 1) as one,
        talking(one, "ada") as (ada,),
        connection.connect(nats_url, "test") as bus,
    ):
        await wait_for_events(bus.js)
        await bus.client.subscribe(subjects.REPLY_ASKED, cb=note)
        session_id = await new_session(ada)
        assert await ada.rpc("agent.list") == AGENTS
        await ada.send_message(session_id, "nobody is asked")
        asked = await ada.send_message(session_id, "why?", reply="planner")
        await eventually(lambda: len(notices) == 1)
        await ada.rpc("reply.cancel", id=ids.uuid7(), session_id=session_id, reply_id=asked["reply_id"])
        await eventually(lambda: len(notices) == 2)
        assert notices[0].data == b"", "the log says which"
