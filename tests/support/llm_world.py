"""What surrounds an llm worker: a log with a session in it, somebody who asks, and what clients would see.

`query.projector.*` is answered here from the stream itself, over the same bus and in the projector's shape.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from nats.aio.msg import Msg

from shared import ids, subjects
from shared.bus import streams
from shared.bus.broker import answering, make_broker, ok
from shared.bus.connection import Bus, connect
from shared.bus.direct import DirectReader, read_session
from shared.bus.publish import publish
from shared.events import (
    Event,
    MessagePosted,
    Recorded,
    ReplyCancelRequested,
    ReplyCompleted,
    ReplyFailed,
    ReplyRequested,
    ReplyStarted,
    SessionCreated,
    decode,
    encode,
    wrap,
)
from shared.events.replies import Purpose
from shared.session import SessionState, evolve
from tests.support.eventually import eventually

E = TypeVar("E", bound=Event)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ALICE = "alice"


@dataclass(slots=True)
class World:
    """One session with one chat, and its live subject as a gateway hears it."""

    bus: Bus
    reader: DirectReader
    nats_url: str
    session_id: str = field(default_factory=ids.uuid7)
    chat_id: str = field(default_factory=ids.uuid7)
    deltas: list[dict[str, Any]] = field(default_factory=list)
    track: dict[str, Any] | None = None
    ai_context: dict[str, Any] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=lambda: {"requests": 0, "tokens": 0})
    questions: list[dict[str, Any]] = field(default_factory=list)  # how much somebody has spent
    older: list[Recorded] = field(default_factory=list)  # of this session, no longer in the stream

    async def start(self, *, makes_log: bool = True) -> None:
        if makes_log:
            await self.bus.js.add_stream(streams.events_config("test"))
        await self.bus.client.subscribe(subjects.live(self.session_id), cb=self._on_live)
        await self.record(SessionCreated(owner=ALICE, chat_id=self.chat_id), ids.uuid7())

    async def _on_live(self, message: Msg) -> None:
        if (message.headers or {}).get("Nats-Stream") == subjects.DELTAS:
            self.deltas.append(orjson.loads(message.data))

    async def record(self, event: Event, event_id: str, headers: dict[str, str] | None = None) -> int:
        envelope = wrap(
            event, event_id=event_id, session_id=self.session_id, source="test", actor=ALICE, traceparent=TRACE
        )
        key = subjects.command_msg_id(ALICE, event_id)
        subject = subjects.event(self.session_id)
        return (await publish(self.bus.js, subject, encode(envelope), msg_id=key, headers=headers)).seq

    async def ask(self, words: str, chat_id: str = "", *, cancelled: bool = False) -> str:
        """Alice says `words`, in the first chat unless another is named, and wants a reply: its id. `cancelled`:
        she has thought better of it before any worker could hear of the words.
        """
        event_id = ids.uuid7()
        reply_id = ids.derived(event_id, "reply")
        posted = MessagePosted(chat_id=chat_id or self.chat_id, content=words, reply_id=reply_id)
        headers = {subjects.HEADER_REPLY_ID: reply_id, subjects.HEADER_TRACEPARENT: TRACE}
        await self.record(posted, event_id, None if cancelled else headers)
        if cancelled:
            await self.cancel(reply_id, chat_id)
        return reply_id

    async def request(self, purpose: Purpose, chat_id: str = "", **facts: Any) -> str:
        """Alice asks for a reply without saying anything: the reply's id."""
        event_id = ids.uuid7()
        reply_id = ids.derived(event_id, "reply")
        requested = ReplyRequested(reply_id=reply_id, chat_id=chat_id or self.chat_id, purpose=purpose, **facts)
        await self.record(requested, event_id, {subjects.HEADER_REPLY_ID: reply_id})
        return reply_id

    async def cancel(self, reply_id: str, chat_id: str = "", *, noticed: bool = True) -> None:
        """Alice wants no more of a reply. Not `noticed`: as if the live copy of that were lost on its way."""
        headers = {subjects.HEADER_REPLY_CANCEL: reply_id} if noticed else None
        cancelled = ReplyCancelRequested(reply_id=reply_id, chat_id=chat_id or self.chat_id)
        await self.record(cancelled, ids.uuid7(), headers)

    async def log(self, session_id: str = "") -> list[Recorded]:
        """The events of the session, or of another one."""
        stored = await read_session(self.reader, session_id or self.session_id, 0)
        older = [] if session_id not in ("", self.session_id) else self.older
        return older + [decode(one.seq, one.body) for one in stored]

    async def of(self, kind: type[E], reply_id: str) -> list[E]:
        """The events of a kind about a reply, in order."""
        events = [recorded.event for recorded in await self.log()]
        return [event for event in events if isinstance(event, kind) and getattr(event, "reply_id", "") == reply_id]

    async def events(self, kind: type[E]) -> list[E]:
        """All events of a kind, in order."""
        return [recorded.event for recorded in await self.log() if isinstance(recorded.event, kind)]

    async def completed(self, reply_id: str, timeout_s: float = 20.0) -> ReplyCompleted:
        """The reply, once it is complete; there is exactly one end of it."""
        (one,) = await eventually(lambda: self.of(ReplyCompleted, reply_id), timeout_s)
        assert await self.of(ReplyFailed, reply_id) == []
        return one

    async def failed(self, reply_id: str, timeout_s: float = 20.0) -> ReplyFailed:
        """The failure of the reply, once it has failed; there is exactly one end of it."""
        (one,) = await eventually(lambda: self.of(ReplyFailed, reply_id), timeout_s)
        assert await self.of(ReplyCompleted, reply_id) == []
        return one

    async def attempts(self, reply_id: str) -> list[int]:
        return [started.attempt for started in await self.of(ReplyStarted, reply_id)]

    def text(self, reply_id: str) -> str:
        """The text that a client has by now: chunks merged by the rule of the protocol."""
        attempt, text = 0, ""
        for delta in self.deltas:
            if delta["reply_id"] != reply_id or delta["attempt"] < attempt:
                continue
            if delta["attempt"] > attempt:
                attempt, text = delta["attempt"], ""
            if delta["position"] <= len(text):
                text = text[: delta["position"]] + delta["text"] + text[delta["position"] + len(delta["text"]) :]
        return text

    async def stored_deltas(self) -> list[dict[str, Any]]:
        """The chunks that DELTAS holds now: what a gateway reads for a client that joins in the middle."""
        found = await self.reader.after(subjects.DELTAS, subjects.delta(self.session_id), 0)
        return [orjson.loads(one.body) for one in found]

    async def jobs(self) -> int:
        """Jobs that are not done."""
        return (await self.bus.js.stream_info(subjects.PROMPTS)).state.messages

    async def jobs_are_done(self) -> bool:
        return await self.jobs() == 0

    async def open_replies(self) -> list[dict[str, Any]]:
        state = SessionState(self.session_id)
        for recorded in await self.log():
            state = evolve(state, recorded)
        place = {"session_id": self.session_id}
        return [
            {**place, "chat_id": reply.chat_id, "reply_id": reply.reply_id, "requested_seq": reply.requested_seq}
            for reply in state.open_replies.values()
        ]

    async def messages(self, session_id: str, chat_id: str, up_to_seq: int) -> list[dict[str, Any]]:
        found = []
        for recorded in await self.log(session_id):
            if getattr(recorded.event, "chat_id", chat_id) != chat_id or not getattr(recorded.event, "content", ""):
                continue
            event = recorded.event
            facts = {"seq": recorded.seq, "author": recorded.envelope.actor}
            if isinstance(event, MessagePosted) and recorded.seq <= up_to_seq:
                found.append({**facts, "id": recorded.envelope.id, "role": event.role, "content": event.content})
            elif isinstance(event, ReplyCompleted) and recorded.seq <= up_to_seq:
                found.append({**facts, "id": event.reply_id, "role": "assistant", "content": event.content})
        return found

    @asynccontextmanager
    async def projector(self) -> AsyncIterator[None]:
        """Inside, the projector's queries are answered."""
        broker = make_broker(self.nats_url, "test")

        @broker.subscriber(subjects.query("projector", "context"))
        async def context(request: dict[str, Any]) -> dict[str, Any]:
            shown = await self.messages(request["session_id"], request["chat_id"], request["up_to_seq"])
            return ok({"messages": shown, "track": self.track, "ai_context": self.ai_context})

        @broker.subscriber(subjects.query("projector", "spent"))
        async def spent(request: dict[str, Any]) -> dict[str, Any]:
            self.questions.append(request)
            return ok(self.spent)

        @broker.subscriber(subjects.query("projector", "open_replies"))
        async def open_replies(_request: dict[str, Any]) -> dict[str, Any]:
            return ok({"replies": await self.open_replies()})

        async with answering(broker):
            yield


@asynccontextmanager
async def world(nats_url: str) -> AsyncIterator[World]:
    """A log with a session in it, and somebody who answers for the projector."""
    async with unanswered_world(nats_url) as one, one.projector():
        yield one


@asynccontextmanager
async def unanswered_world(nats_url: str, *, makes_log: bool = True) -> AsyncIterator[World]:
    """A log with a session in it, while nobody here answers for the projector."""
    async with connect(nats_url, "test") as bus:
        reader = DirectReader(bus.client)
        await reader.start()
        one = World(bus, reader, nats_url)
        await one.start(makes_log=makes_log)
        yield one
