"""Events that ask for a reply become jobs. The durable consumer is shared by all workers and sees headers only.

Hardly any event does, so they are looked through a few times a second, and at once when a gateway says that one does.

An event is acknowledged after its job's PubAck; a job that is enqueued twice has the same message id. An event that
cancels a reply needs no job: whoever writes the reply notices by itself, and one that nobody has begun ends here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from pydantic import BaseModel, ConfigDict

from shared import subjects
from shared.bus import streams
from shared.bus.connection import Bus, unsubscribe
from shared.bus.consume import settle
from shared.bus.publish import publish
from shared.bus.rounds import Delivered, Rounds
from shared.pace import Pace

SERVICE = "llm"
BATCH = 500
APART_S = 0.25  # between looks while there is traffic, unless a gateway hurries: a notice may be lost
ACK_WAIT_S = 4  # of a worker that died between an event and its job; longer ones only enqueue the same job again


class Job(BaseModel):
    """Somebody is owed a reply, asked for at `seq`. `n` counts how often it was enqueued, from 1."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    session_id: str
    reply_id: str
    seq: int
    n: int = 1


async def enqueue(bus: Bus, job: Job, traceparent: str = "") -> None:
    """Afterwards PROMPTS holds the job, or held it before.

    Raises:
        Unavailable: the bus does not acknowledge.
    """
    await publish(
        bus.js,
        subjects.prompt(job.session_id),
        job.model_dump_json().encode(),
        msg_id=subjects.service_msg_id(SERVICE, f"{job.reply_id}/{job.n}"),
        headers={subjects.HEADER_TRACEPARENT: traceparent} if traceparent else None,
    )


Cancel = Callable[[str, str], Awaitable[None]]


async def run_intake(bus: Bus, cancel: Cancel) -> None:
    """Follows EVENTS, once history has made it, for ever; `cancel` gets the session and the reply to be cancelled."""
    await streams.ensure(bus.js, streams.PROMPTS)
    await streams.wait_for_events(bus.js)
    config = ConsumerConfig(
        durable_name=subjects.LLM_INTAKE,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_S,
        max_ack_pending=10_000,
        headers_only=True,
    )
    rounds, pace = Rounds(bus, subjects.EVENTS, config, BATCH), Pace(APART_S)
    asked = await bus.client.listen(subjects.REPLY_ASKED, lambda *_: pace.hurry())
    try:
        await rounds.start()
        while True:
            taken = await rounds.next()
            await asyncio.gather(*(_take(bus, rounds, one, cancel) for one in taken if not _passed_over(rounds, one)))
            if len(taken) == BATCH:
                pace.hurry()
            await pace.turn()
    finally:
        await rounds.stop()
        await unsubscribe([asked])


def _passed_over(rounds: Rounds, one: Delivered) -> bool:
    """Whether the event concerns nobody here; then it is done with."""
    if one.header(subjects.HEADER_REPLY_ID) or one.header(subjects.HEADER_REPLY_CANCEL):
        return False
    rounds.acknowledge(one)
    return True


async def _take(bus: Bus, rounds: Rounds, one: Delivered, cancel: Cancel) -> None:
    if one.header(subjects.HEADER_REPLY_ID):
        await settle(bus, SERVICE, rounds.message(one), partial(_enqueue, bus))
    else:
        session_id, reply_id = subjects.session_of(one.subject), one.header(subjects.HEADER_REPLY_CANCEL)
        await settle(bus, SERVICE, rounds.message(one), lambda _: cancel(session_id, reply_id))


async def _enqueue(bus: Bus, message: Msg) -> None:
    headers = message.headers or {}
    job = Job(
        session_id=subjects.session_of(message.subject),
        reply_id=headers[subjects.HEADER_REPLY_ID],
        seq=message.metadata.sequence.stream,
    )
    await enqueue(bus, job, headers.get(subjects.HEADER_TRACEPARENT, ""))
