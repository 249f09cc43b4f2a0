"""One attempt at one reply: context, `reply.started`, text on its way, and exactly one end.

The caller holds the chat's lease. What is written to the log is fenced by the attempt all the same.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from services.llm import context
from services.llm.agents import Agents
from services.llm.chunks import Chunks, Deltas
from services.llm.failures import GenerationFailedError
from services.llm.generate import Generator
from services.llm.ledger import Ledger
from services.llm.quota import Quota
from services.llm.record import Attempt, Recorder
from services.llm.settings import LlmSettings
from services.llm.turn import Answered, Planned, Turn
from services.llm.wanted import Wanted
from shared import telemetry
from shared.bus.query import QueryClient
from shared.events import Recorded, ReplyRequested, Usage
from shared.events.replies import Purpose
from shared.logging import get_logger
from shared.session import OpenReply, SessionState

log = get_logger("reply")

CLOSE_S = 0.05  # how long the end of a cancelled reply waits for the provider's connection to be closed


@dataclass(frozen=True, slots=True)
class Replies:
    """What one worker needs to write replies."""

    ledger: Ledger
    recorder: Recorder
    wanted: Wanted
    queries: QueryClient
    deltas: Deltas
    agents: Agents
    generator: Generator
    quota: Quota
    settings: LlmSettings
    closing: set[asyncio.Task[Any]] = field(default_factory=set)

    async def write(self, state: SessionState, reply: OpenReply, prompt: Recorded) -> None:
        """Afterwards the reply has ended, or somebody else is ahead of us with it.

        Raises:
            Unavailable: it can't be begun now (the bus, or the projector, is away).
        """
        of = Attempt(reply, prompt, reply.attempt + 1)
        with telemetry.span("reply", prompt.envelope.traceparent, reply_id=reply.reply_id, attempt=of.number):
            try:
                turn, chunks = await self._prepare(state, of)
            except GenerationFailedError as failure:
                await self.recorder.fail(of, failure)
                return
            if await self.recorder.start(of, turn):
                await self._generate(of, turn, chunks)
            else:
                log.info("reply_not_ours", reply_id=reply.reply_id, attempt=of.number)

    async def cut(self, reply: OpenReply, prompt: Recorded) -> None:
        """A reply that is not wanted, and that nobody writes, has ended as cancelled with what was seen of it; without
        a word if what it answers was erased.
        """
        of = Attempt(reply, prompt, reply.attempt)
        text = "" if reply.erased else await self._seen(of)
        await self.recorder.cut(of, text, _guess(text))

    async def cut_if_waiting(self, session_id: str, reply_id: str) -> None:
        """A reply that was cancelled before anybody began has ended."""
        reply = (await self.ledger.state(session_id)).open_replies.get(reply_id)
        if reply is not None and reply.cancelled and not reply.attempt:
            await self.cut(reply, await self.ledger.event(session_id, reply.requested_seq))

    async def give_up(self, reply: OpenReply, prompt: Recorded) -> None:
        """A reply over which workers keep dying has failed, with what was seen of it."""
        of = Attempt(reply, prompt, reply.attempt)
        text = await self._seen(of)
        await self.recorder.fail(of, GenerationFailedError("gave_up"), text=text, usage=_guess(text))

    async def _prepare(self, state: SessionState, of: Attempt) -> tuple[Turn, Chunks]:
        s, reply = self.settings, of.reply
        await self.quota.check(of.prompt.envelope.actor, reply.requested_seq)
        asked = _asked(of)
        shown = await context.recent(
            self.queries, of.session_id, reply.chat_id, asked.thread_of, up_to_seq=state.seq, limit=s.context_messages
        )
        chat = state.chats.get(reply.chat_id)
        agent, chat_type = (chat.agent, chat.chat_type) if chat else ("", "")
        spec = self.agents.resolve(reply.agent, agent, chat_type, shown.ai_context, shown.track, asked.purpose)
        before = [message for message in shown.messages if message.id != asked.in_place_of]
        built = context.build(
            before, reply.prompt_id, reply.requested_seq, spec.instructions, s.context_tokens, spec.task
        )
        chunks = Chunks(
            self.deltas, of.session_id, reply.reply_id, reply.chat_id, of.number, s.chunk_ms / 1000, s.chunk_chars
        )
        turn = Turn(
            spec,
            built,
            chunks.add,
            purpose=asked.purpose,
            chat_id=reply.chat_id,
            reply_id=reply.reply_id,
            user=of.prompt.envelope.actor,
            record=self.recorder.during(of),
        )
        return turn, chunks

    async def _generate(self, of: Attempt, turn: Turn, chunks: Chunks) -> None:
        watched = self.wanted.watched(of.session_id, of.reply.reply_id, of.number)
        try:
            async with watched as over, chunks.sending():
                with self.quota.writing(turn.user, turn.context.tokens):
                    done = await self._until(over, turn, self.generator.generate(turn))
        except GenerationFailedError as failure:
            usage = turn.usage if turn.pieces or turn.counted else None
            await self.recorder.fail(of, failure, text=turn.text, model=turn.model, usage=usage)
        else:
            await self.recorder.complete(of, turn, done)

    async def _until(
        self, over: asyncio.Event, turn: Turn, writing: Coroutine[Any, Any, Answered | Planned]
    ) -> Answered | Planned:
        """What the writer comes to; `cancelled` if that is over first. Its connection closes by itself."""
        task, stop = asyncio.create_task(writing), asyncio.create_task(over.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else Answered("cancelled")
        finally:
            turn.ended = True
            stop.cancel()
            if not task.done():
                self.closing.add(task)
                task.add_done_callback(self._closed)
                task.cancel()
                await asyncio.wait({task}, timeout=CLOSE_S)

    def _closed(self, task: asyncio.Task[Any]) -> None:
        self.closing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("writer_broke_off", error=type(error).__name__)

    async def _seen(self, of: Attempt) -> str:
        """What clients have got of the attempt, as far as the memory stream has it."""
        return await self.deltas.text(of.session_id, of.reply.reply_id, of.number) if of.number else ""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of the model. `thread_of`: the message that its thread ends with, empty for the chat's newest one.
    `in_place_of`: the message beside which the answer is to stand where there is no prompt to begin anew from.
    """

    purpose: Purpose
    thread_of: str
    in_place_of: str = ""


def _asked(of: Attempt) -> _Asked:
    reply, event = of.reply, of.prompt.event
    if reply.prompt_id:
        return _Asked(reply.purpose, reply.prompt_id)
    if reply.purpose == "regenerate" and isinstance(event, ReplyRequested) and event.message_id:
        return _Asked("greet", event.message_id, event.message_id)  # what opened the chat, once more
    return _Asked(reply.purpose, "")


def _guess(text: str) -> Usage:
    return Usage(output_tokens=context.estimate_tokens(text), estimated=True) if text else Usage()
