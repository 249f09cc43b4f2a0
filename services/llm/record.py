"""What a worker writes into the log about replies: the start of an attempt, what happens in it, and the one end."""

import asyncio
from dataclasses import dataclass
from typing import Any

from services.llm import metrics
from services.llm.failures import GenerationFailedError
from services.llm.ledger import Ledger
from services.llm.turn import Answered, Planned, Record, Turn
from shared import errors, ids, subjects, telemetry
from shared.bus.connection import Bus
from shared.events import (
    Envelope,
    Event,
    Manifest,
    PlanFinalized,
    Recorded,
    ReplyCompleted,
    ReplyFailed,
    ReplyStarted,
    Usage,
    wrap,
)
from shared.logging import get_logger
from shared.session import OpenReply

log = get_logger("record")

SERVICE = "llm"
ACTOR = "svc/llm"
ACTOR_NAME = "Assistant"
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at a reply, by its number; 0 where nobody has begun. `prompt` is the event that asked for it."""

    reply: OpenReply
    prompt: Recorded
    number: int

    @property
    def session_id(self) -> str:
        """The session it belongs to."""
        return self.prompt.envelope.subject


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes for one worker. Everything is fenced by the number of the attempt."""

    bus: Bus
    ledger: Ledger
    instance: str

    async def start(self, of: Attempt, turn: Turn) -> bool:
        """Whether the attempt has begun, and is the latest.

        Raises:
            Unavailable: the bus does not answer.
        """
        metrics.ATTEMPTS.inc()
        reply, spec = of.reply, turn.spec
        known = {"temperature": spec.temperature, "agent": spec.name}
        manifest: Manifest = turn.context.manifest.model_copy(update=known)
        started = ReplyStarted(
            reply_id=reply.reply_id,
            chat_id=reply.chat_id,
            attempt=of.number,
            model=spec.model,
            agent=spec.name,
            manifest=manifest,
        )
        envelope = self._envelope(started, of, ids.uuid7(), spec.title)
        key = subjects.service_msg_id(SERVICE, f"{reply.reply_id}/start/{envelope.id}")
        log.info("reply_started", reply_id=reply.reply_id, attempt=of.number, session_id=of.session_id)
        return await self.ledger.record(envelope, reply.reply_id, lambda now: now.attempt == of.number - 1, key)

    def during(self, of: Attempt) -> Record:
        """What adds an event to the session while the attempt is the latest one; by the same name only once, whichever
        attempt it was.
        """
        reply_id = of.reply.reply_id

        async def record(event: Event, what: str) -> bool:
            envelope = self._envelope(event, of, ids.derived(reply_id, what))
            key = subjects.service_msg_id(SERVICE, f"{reply_id}/{what}")
            return await self.ledger.record(envelope, reply_id, lambda now: now.attempt == of.number, key)

        return record

    async def complete(self, of: Attempt, turn: Turn, done: Answered | Planned) -> None:
        """The reply has ended with what stands in the turn, unless it has ended before or a higher attempt runs."""
        facts: dict[str, Any] = {
            "reply_id": of.reply.reply_id,
            "chat_id": of.reply.chat_id,
            "attempt": of.number,
            "model": turn.model,
            "agent": turn.agent,
            "usage": turn.usage,
            "first_token_ms": turn.first_token_ms,
            "total_ms": turn.total_ms,
        }
        event: Event
        match done:
            case Planned(title, summary, modules):
                outcome = "planned"
                event = PlanFinalized(title=title, summary=summary, modules=modules, **facts)
            case Answered(outcome):
                parent = of.reply.prompt_id or None
                event = ReplyCompleted(content=turn.text, finish_reason=outcome, parent=parent, **facts)
        if await self._end(event, of, outcome, turn.spec.title):
            metrics.TOTAL.observe(turn.total_ms / 1000)
            if turn.first_token_ms is not None:
                metrics.FIRST_TOKEN.observe(turn.first_token_ms / 1000)

    async def cut(self, of: Attempt, text: str, usage: Usage) -> None:
        """A reply that nobody writes any more has ended as cancelled, with the text that was seen of it."""
        event = ReplyCompleted(
            reply_id=of.reply.reply_id,
            chat_id=of.reply.chat_id,
            attempt=of.number,
            content=text,
            model="",
            agent=of.reply.agent,
            finish_reason="cancelled",
            usage=usage,
            parent=of.reply.prompt_id or None,
        )
        await self._end(event, of, "cancelled")

    async def fail(
        self,
        of: Attempt,
        failure: GenerationFailedError,
        *,
        text: str = "",
        model: str = "",
        usage: Usage | None = None,
    ) -> None:
        """The reply has failed for everybody to see, with what it had said, unless it has ended before or a higher
        attempt runs.
        """
        event = ReplyFailed(
            reply_id=of.reply.reply_id,
            chat_id=of.reply.chat_id,
            attempt=of.number,
            reason=failure.reason,
            message=failure.message,
            partial=text,
            model=model,
            usage=usage or Usage(),
        )
        await self._end(event, of, failure.reason)

    async def _end(self, event: Event, of: Attempt, outcome: str, author: str = ACTOR_NAME) -> bool:
        reply_id = of.reply.reply_id
        envelope = self._envelope(event, of, ids.derived(reply_id, "end"), author)
        key = subjects.service_msg_id(SERVICE, f"{reply_id}/end")
        while True:  # the text is paid for: it waits for the bus as long as the lease is ours
            try:
                ended = await self.ledger.record(envelope, reply_id, lambda now: now.attempt <= of.number, key)
                break
            except errors.Temporary as error:
                log.warning("end_not_recorded", reply_id=reply_id, error=repr(error))
                await self.bus.connected.wait()
                await asyncio.sleep(PAUSE_S)
        if ended:
            metrics.REPLIES.labels(outcome).inc()
            log.info("reply_ended", reply_id=reply_id, type=event.TYPE, outcome=outcome)
        else:
            metrics.SUPERSEDED.inc()
            log.info("end_dropped", reply_id=reply_id, type=event.TYPE)
        return ended

    def _envelope(self, event: Event, of: Attempt, event_id: str, author: str = ACTOR_NAME) -> Envelope:
        cause = of.prompt.envelope
        return wrap(
            event,
            event_id=event_id,
            session_id=cause.subject,
            source=f"llm/{self.instance}",
            actor=ACTOR,
            actor_name=author,
            correlation_id=cause.correlationid,
            causation_id=cause.id,
            traceparent=telemetry.traceparent() or cause.traceparent,
        )
