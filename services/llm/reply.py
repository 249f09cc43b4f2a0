"""One attempt at one reply: context, `reply.started`, text on its way, and exactly one end.

The caller holds the chat's lease. What is written to the log is fenced by the attempt all the same.
"""

import asyncio
from dataclasses import dataclass, replace

from services.llm import context, metrics
from services.llm.chunks import Chunks, Deltas
from services.llm.failures import GenerationFailedError
from services.llm.generate import Generation, Generator
from services.llm.ledger import Ledger, Rule
from services.llm.settings import LlmSettings
from shared import errors, ids, subjects, telemetry
from shared.bus.query import QueryClient
from shared.events import Envelope, Event, Manifest, Recorded, ReplyCompleted, ReplyFailed, ReplyStarted, wrap
from shared.events.replies import FailReason
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
                await self.fail(reply, prompt, reply.attempt + 1, failure.reason, failure.message)

    async def _write(self, state: SessionState, reply: OpenReply, prompt: Recorded) -> None:
        s = self.settings
        session_id, attempt = prompt.envelope.subject, reply.attempt + 1
        said, wishes = await context.recent(
            self.queries, session_id, reply.chat_id, up_to_seq=state.seq, limit=s.context_messages
        )
        system_prompt = s.system_prompt if wishes.system_prompt is None else wishes.system_prompt
        shown = context.build(said, reply.prompt_id, reply.requested_seq, system_prompt, s.context_tokens)
        shown = replace(shown, temperature=wishes.temperature)
        if not await self._start(reply, prompt, attempt, shown.manifest):
            log.info("reply_not_ours", reply_id=reply.reply_id, attempt=attempt)
            return
        if isinstance(self.generator, GenerationFailedError):
            raise self.generator
        chunks = Chunks(
            self.deltas, session_id, reply.reply_id, reply.chat_id, attempt, s.chunk_ms / 1000, s.chunk_chars
        )
        async with chunks.sending():
            done = await self.generator.generate(shown, chunks.add)
        await self._complete(reply, prompt, attempt, done)

    async def _start(self, reply: OpenReply, prompt: Recorded, attempt: int, manifest: Manifest) -> bool:
        metrics.ATTEMPTS.inc()
        started = ReplyStarted(
            reply_id=reply.reply_id,
            chat_id=reply.chat_id,
            attempt=attempt,
            model=self.settings.model_name,
            manifest=manifest,
        )
        envelope = self._envelope(started, prompt, ids.uuid7())
        key = subjects.service_msg_id(SERVICE, f"{reply.reply_id}/start/{envelope.id}")
        log.info("reply_started", reply_id=reply.reply_id, attempt=attempt, session_id=envelope.subject)
        return await self.ledger.record(envelope, reply.reply_id, lambda now: now.attempt == attempt - 1, key)

    async def _complete(self, reply: OpenReply, prompt: Recorded, attempt: int, done: Generation) -> None:
        completed = ReplyCompleted(
            reply_id=reply.reply_id,
            chat_id=reply.chat_id,
            attempt=attempt,
            content=done.text,
            model=self.settings.model_name,
            finish_reason=done.finish_reason,
            usage=done.usage,
            parent=reply.prompt_id,
            first_token_ms=done.first_token_ms,
            total_ms=done.total_ms,
        )
        if await self._end(completed, reply, prompt, lambda now: now.attempt <= attempt):
            metrics.REPLIES.labels(done.finish_reason).inc()
            metrics.TOTAL.observe(done.total_ms / 1000)
            if done.first_token_ms is not None:
                metrics.FIRST_TOKEN.observe(done.first_token_ms / 1000)

    async def fail(self, reply: OpenReply, prompt: Recorded, attempt: int, reason: FailReason, message: str) -> None:
        """Afterwards the reply has failed for everybody to see, unless it has ended or a higher attempt runs."""
        failed = ReplyFailed(
            reply_id=reply.reply_id, chat_id=reply.chat_id, attempt=attempt, reason=reason, message=message
        )
        if await self._end(failed, reply, prompt, lambda now: now.attempt <= attempt):
            metrics.REPLIES.labels(reason).inc()

    async def _end(self, event: Event, reply: OpenReply, prompt: Recorded, rule: Rule) -> bool:
        envelope = self._envelope(event, prompt, ids.derived(reply.reply_id, "end"))
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

    def _envelope(self, event: Event, prompt: Recorded, event_id: str) -> Envelope:
        cause = prompt.envelope
        return wrap(
            event,
            event_id=event_id,
            session_id=cause.subject,
            source=f"llm/{self.settings.instance}",
            actor=ACTOR,
            actor_name=ACTOR_NAME,
            correlation_id=cause.correlationid,
            causation_id=cause.id,
            traceparent=telemetry.traceparent() or cause.traceparent,
        )
