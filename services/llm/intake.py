"""Events that ask for a reply become jobs. The durable consumer is shared by all workers and sees headers only.

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
from shared.bus.connection import Bus
from shared.bus.consume import Puller, settle
from shared.bus.publish import publish

SERVICE = "llm"
BATCH = 500
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
    puller = Puller(bus, subjects.EVENTS, config, window=BATCH)
    await puller.start()
    try:
        while True:
            messages = await puller.batch(BATCH)
            await asyncio.gather(*(_take(bus, message, cancel) for message in messages))
    finally:
        await puller.stop()


async def _take(bus: Bus, message: Msg, cancel: Cancel) -> None:
    headers = message.headers or {}
    if subjects.HEADER_REPLY_ID in headers:
        await settle(bus, SERVICE, message, partial(_enqueue, bus))
    elif subjects.HEADER_REPLY_CANCEL in headers:
        session_id, reply_id = subjects.session_of(message.subject), headers[subjects.HEADER_REPLY_CANCEL]
        await settle(bus, SERVICE, message, lambda _: cancel(session_id, reply_id))
    else:
        await message.ack()


async def _enqueue(bus: Bus, message: Msg) -> None:
    headers = message.headers or {}
    job = Job(
        session_id=subjects.session_of(message.subject),
        reply_id=headers[subjects.HEADER_REPLY_ID],
        seq=message.metadata.sequence.stream,
    )
    await enqueue(bus, job, headers.get(subjects.HEADER_TRACEPARENT, ""))
