"""Jobs of PROMPTS, many at a time. A job is only a wake-up: what is owed is in the log.

A job makes its worker serve the job's chat: under the chat's lease it writes the *oldest* open reply, and the next
oldest, until none is open. So replies of one chat come in the order of their prompts, one at a time, whatever order
jobs are delivered in and however often. A job whose chat is served by somebody else goes back and comes again; mostly
it finds its reply ended, and is done.

While a job is in work its worker says so every second; if it dies, the server delivers the job to another one within
`ACK_WAIT_S`, and by then the lease (which lives shorter) has expired.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from services.llm import ledger, metrics
from services.llm.intake import SERVICE, Job
from services.llm.lease import Leases
from services.llm.reply import Replies
from services.llm.slots import Slots
from services.llm.wanted import is_unwanted
from shared import errors, subjects
from shared.bus import streams
from shared.bus.connection import Bus
from shared.bus.consume import Puller, park, settle
from shared.events import Recorded
from shared.logging import get_logger
from shared.session import OpenReply, SessionState
from shared.tasks import cancel

log = get_logger("jobs")

DURABLE = "llm-workers"
ACK_WAIT_S = 4
BEAT_S = 1.0
MAX_ACK_PENDING = 100_000
PUT_OFF_S = 0.2  # of a job whose session has its share; more with every time, up to the next figure
MAX_PUT_OFF_S = 2.0
HOPELESS_DELIVERIES = 5  # fewer never make a job hopeless, however old it is: the system may just have come back


class Worker:
    """Up to `generations` jobs at once."""

    def __init__(self, bus: Bus, leases: Leases, replies: Replies) -> None:
        self._bus = bus
        self._leases = leases
        self._replies = replies
        self._settings = replies.settings
        self._slots = Slots(self._settings.generations)
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Takes jobs until it is cancelled; those in work go on."""
        await self._ensure()
        config = ConsumerConfig(
            durable_name=DURABLE,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_ack_pending=MAX_ACK_PENDING,
        )
        window = self._settings.generations
        puller = Puller(self._bus, subjects.PROMPTS, config, window, holds=True, ensure=self._ensure)
        await puller.start()
        try:
            while True:
                for message in await puller.batch(self._settings.generations):
                    session_id = subjects.session_of(message.subject)
                    takes = self._slots.take(session_id)
                    work = self._one(message, puller, session_id) if takes else self._put_off(message, puller)
                    task = asyncio.create_task(work)
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
        finally:
            await puller.stop()  # or a job that goes back would come here again

    async def _ensure(self) -> None:
        await streams.ensure(self._bus.js, streams.PROMPTS)
        await streams.ensure(self._bus.js, streams.PARKED)
        await self._replies.deltas.ensure()
        await self._leases.ensure()

    @asynccontextmanager
    async def draining(self) -> AsyncIterator[None]:
        """After the block, jobs in work have got `drain_s` to end; the rest has gone back, to other workers."""
        try:
            yield
        finally:
            running = set(self._running)
            if running:
                await asyncio.wait(running, timeout=self._settings.drain_s)
            await cancel(*running)

    async def _put_off(self, message: Msg, puller: Puller) -> None:
        metrics.DEFERRED.inc()
        try:
            with suppress(nats.errors.Error):
                await message.nak(delay=min(PUT_OFF_S * message.metadata.num_delivered, MAX_PUT_OFF_S))
        finally:
            puller.release()

    async def _one(self, message: Msg, puller: Puller, session_id: str) -> None:
        metrics.GENERATING.inc()
        try:
            async with _beating(message):
                await settle(self._bus, SERVICE, message, self._work)
        except asyncio.CancelledError:
            with suppress(nats.errors.Error):
                await message.nak()
            raise
        except nats.errors.Error as error:  # settling itself failed: the server delivers again
            log.warning("job_not_settled", error=repr(error))
        finally:
            metrics.GENERATING.dec()
            self._slots.give_back(session_id)
            puller.release()

    async def _work(self, message: Msg) -> None:
        job = Job.model_validate_json(message.data)
        state = await self._replies.ledger.state(job.session_id)
        mine = state.open_replies.get(job.reply_id)
        if mine is None:
            return
        done: set[str] = set()
        async with self._leases.held(job.session_id, mine.chat_id):
            while True:
                state = await self._replies.ledger.state(job.session_id)
                oldest = ledger.oldest_open(state, mine.chat_id)
                if oldest is None:
                    return
                if oldest.reply_id in done:  # its end is not where it was put, or somebody else is ahead
                    raise errors.Unavailable(f"reply {oldest.reply_id} is still open")
                done.add(oldest.reply_id)
                prompt = await self._replies.ledger.event(job.session_id, oldest.requested_seq)
                if is_unwanted(state, oldest):
                    await self._replies.cut(oldest, prompt)
                elif self._is_hopeless(oldest, prompt, message.metadata.num_delivered):
                    await self._give_up(message, oldest, prompt)
                else:
                    await self._write(message, state, oldest, prompt)

    async def _write(self, message: Msg, state: SessionState, oldest: OpenReply, prompt: Recorded) -> None:
        try:
            await self._replies.write(state, oldest, prompt)
        except (errors.Refused, ValueError) as error:  # will never work: not a case for another delivery
            log.exception("reply_impossible", reply_id=oldest.reply_id, error=repr(error))
            tried = replace(oldest, attempt=oldest.attempt + 1)  # or its end would be refused as an older one's
            await self._give_up(message, tried, prompt)

    def _is_hopeless(self, reply: OpenReply, prompt: Recorded, deliveries: int) -> bool:
        if reply.attempt >= self._settings.max_attempts:
            return True
        age_s = time.time() - datetime.fromisoformat(prompt.envelope.time).timestamp()
        return deliveries >= HOPELESS_DELIVERIES and age_s > self._settings.give_up_after_s

    async def _give_up(self, message: Msg, reply: OpenReply, prompt: Recorded) -> None:
        await park(self._bus, SERVICE, message, f"reply {reply.reply_id} given up at attempt {reply.attempt}")
        await self._replies.give_up(reply, prompt)


@asynccontextmanager
async def _beating(message: Msg) -> AsyncIterator[None]:
    """Inside, the server knows that the message is in work."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            with suppress(nats.errors.Error):
                await message.in_progress()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        await cancel(task)
