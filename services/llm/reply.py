"""One attempt at one reply: context, `reply.started`, text on its way, and exactly one end.

The caller holds the chat's lease. What is written to the log is fenced by the attempt all the same.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from services.llm import context, metrics
from services.llm.agents import Agents, Spec
from services.llm.chunks import Chunks, Deltas
from services.llm.failures import GenerationFailedError
from services.llm.generate import Generator
from services.llm.ledger import Ledger, Rule
from services.llm.settings import LlmSettings
from services.llm.turn import Answered, Planned, Record, Turn
from shared import errors, ids, subjects, telemetry
from shared.bus.query import QueryClient
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
from shared.session import OpenReply, SessionState

log = get_logger("reply")

SERVICE = "llm"
ACTOR = "svc/llm"
ACTOR_NAME = "Assistant"
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Replies:
    """What one worker needs to write replies."""

    ledger: Ledger
    queries: QueryClient
    deltas: Deltas
    agents: Agents
    generator: Generator | GenerationFailedError  # or why there is none
    settings: LlmSettings

    async def write(self, state: SessionState, reply: OpenReply, prompt: Recorded) -> None:
        """Afterwards the reply has ended, or somebody else is ahead of us with it.

        Raises:
            Unavailable: it can't be begun now (the bus, or the projector, is away).
        """
        with telemetry.span("reply", prompt.envelope.traceparent, reply_id=reply.reply_id, attempt=reply.attempt + 1):
            try:
                await self._write(state, reply, prompt)
            except GenerationFailedError as failure:
                await self.fail(reply, prompt, reply.attempt + 1, failure)

    async def _write(self, state: SessionState, reply: OpenReply, prompt: Recorded) -> None:
        s = self.settings
        session_id, attempt = prompt.envelope.subject, reply.attempt + 1
        shown = await context.recent(
            self.queries, session_id, reply.chat_id, up_to_seq=state.seq, limit=s.context_messages
        )
        chat = state.chats.get(reply.chat_id)
        spec = self.agents.resolve(
            reply.agent, chat.agent if chat else "", chat.chat_type if chat else "", shown.ai_context
        )
        built = context.build(shown.messages, reply.prompt_id, reply.requested_seq, spec.instructions, s.context_tokens)
        manifest = built.manifest.model_copy(update={"temperature": spec.temperature, "agent": spec.name})
        if not await self._start(reply, prompt, attempt, spec, manifest):
            log.info("reply_not_ours", reply_id=reply.reply_id, attempt=attempt)
            return
        chunks = Chunks(
            self.deltas, session_id, reply.reply_id, reply.chat_id, attempt, s.chunk_ms / 1000, s.chunk_chars
        )
        turn = Turn(
            spec,
            built,
            chunks.add,
            purpose=reply.purpose,
            chat_id=reply.chat_id,
            reply_id=reply.reply_id,
            record=self._recording(reply, prompt, attempt),
        )
        try:
            async with chunks.sending():
                done = await self._generate(turn)
        except GenerationFailedError as failure:
            await self.fail(reply, prompt, attempt, failure, turn)
        else:
            await self._complete(reply, prompt, attempt, turn, done)

    async def _generate(self, turn: Turn) -> Answered | Planned:
        if isinstance(self.generator, GenerationFailedError):
            raise self.generator
        return await self.generator.generate(turn)

    async def _start(self, reply: OpenReply, prompt: Recorded, attempt: int, spec: Spec, manifest: Manifest) -> bool:
        metrics.ATTEMPTS.inc()
        started = ReplyStarted(
            reply_id=reply.reply_id,
            chat_id=reply.chat_id,
            attempt=attempt,
            model=spec.model,
            agent=spec.name,
            manifest=manifest,
        )
        envelope = self._envelope(started, prompt, ids.uuid7(), spec.title)
        key = subjects.service_msg_id(SERVICE, f"{reply.reply_id}/start/{envelope.id}")
        log.info("reply_started", reply_id=reply.reply_id, attempt=attempt, session_id=envelope.subject)
        return await self.ledger.record(envelope, reply.reply_id, lambda now: now.attempt == attempt - 1, key)

    def _recording(self, reply: OpenReply, prompt: Recorded, attempt: int) -> Record:
        async def record(event: Event, what: str) -> bool:
            envelope = self._envelope(event, prompt, ids.derived(reply.reply_id, what))
            key = subjects.service_msg_id(SERVICE, f"{reply.reply_id}/{what}")
            return await self.ledger.record(envelope, reply.reply_id, lambda now: now.attempt == attempt, key)

        return record

    async def _complete(
        self, reply: OpenReply, prompt: Recorded, attempt: int, turn: Turn, done: Answered | Planned
    ) -> None:
        facts: dict[str, Any] = {
            "reply_id": reply.reply_id,
            "chat_id": reply.chat_id,
            "attempt": attempt,
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
                parent = reply.prompt_id or None
                event = ReplyCompleted(content=turn.text, finish_reason=outcome, parent=parent, **facts)
        if await self._end(event, reply, prompt, lambda now: now.attempt <= attempt, turn.spec.title):
            metrics.REPLIES.labels(outcome).inc()
            metrics.TOTAL.observe(turn.total_ms / 1000)
            if turn.first_token_ms is not None:
                metrics.FIRST_TOKEN.observe(turn.first_token_ms / 1000)

    async def fail(
        self,
        reply: OpenReply,
        prompt: Recorded,
        attempt: int,
        failure: GenerationFailedError,
        turn: Turn | None = None,
    ) -> None:
        """Afterwards the reply has failed for everybody to see, with what it had said in `turn`, unless it has ended or
        a higher attempt runs.
        """
        failed = ReplyFailed(
            reply_id=reply.reply_id,
            chat_id=reply.chat_id,
            attempt=attempt,
            reason=failure.reason,
            message=failure.message,
            partial=turn.text if turn else "",
            model=turn.model if turn else "",
            usage=turn.usage if turn and turn.pieces else Usage(),
        )
        if await self._end(failed, reply, prompt, lambda now: now.attempt <= attempt):
            metrics.REPLIES.labels(failure.reason).inc()

    async def _end(
        self, event: Event, reply: OpenReply, prompt: Recorded, rule: Rule, author: str = ACTOR_NAME
    ) -> bool:
        envelope = self._envelope(event, prompt, ids.derived(reply.reply_id, "end"), author)
        key = subjects.service_msg_id(SERVICE, f"{reply.reply_id}/end")
        while True:  # the text is paid for: it waits for the bus as long as the lease is ours
            try:
                ended = await self.ledger.record(envelope, reply.reply_id, rule, key)
                break
            except errors.Unavailable as error:
                log.warning("end_not_recorded", reply_id=reply.reply_id, error=repr(error))
                await self.deltas.bus.connected.wait()
                await asyncio.sleep(PAUSE_S)
        if ended:
            log.info("reply_ended", reply_id=reply.reply_id, type=event.TYPE)
        else:
            metrics.SUPERSEDED.inc()
            log.info("end_dropped", reply_id=reply.reply_id, type=event.TYPE)
        return ended

    def _envelope(self, event: Event, prompt: Recorded, event_id: str, author: str = ACTOR_NAME) -> Envelope:
        cause = prompt.envelope
        return wrap(
            event,
            event_id=event_id,
            session_id=cause.subject,
            source=f"llm/{self.settings.instance}",
            actor=ACTOR,
            actor_name=author,
            correlation_id=cause.correlationid,
            causation_id=cause.id,
            traceparent=telemetry.traceparent() or cause.traceparent,
        )
