"""The inside of a gateway on a real NATS server: sessions and commands, no sockets, and listeners that remember."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from nats.aio.msg import Msg

from services.gateway import handover
from services.gateway.commands import Commands, Outcome
from services.gateway.hub import Listener
from services.gateway.joining import Joined
from services.gateway.sessions import Sessions
from shared import ids, subjects, tasks
from shared.auth import Identity
from shared.bus import streams
from shared.bus.connection import Bus, connect
from shared.bus.direct import DirectReader, Stored
from shared.bus.query import QueryClient
from shared.events import MessagePosted, encode, wrap
from shared.session.commands import CreateSession, InviteParticipant, JoinSession, SendMessage

ANN = Identity("ann", "Ann", 2**40)
BOB = Identity("bob", "Bob", 2**40)


@dataclass
class Gateway:
    """What one gateway process holds besides its sockets."""

    bus: Bus
    reader: DirectReader
    sessions: Sessions
    commands: Commands

    async def created(self, who: Identity = ANN) -> Outcome:
        return await self.commands.execute(CreateSession(id=ids.uuid7(), title="t"), who)

    async def send(self, session_id: str, content: str, who: Identity = ANN, **more: Any) -> Outcome:
        command = SendMessage(id=more.pop("id", ids.uuid7()), session_id=session_id, content=content, **more)
        return await self.commands.execute(command, who)

    async def joined_by(self, session_id: str, who: Identity) -> Outcome:
        """`who` is a participant."""
        invited = await self.commands.execute(InviteParticipant(id=ids.uuid7(), session_id=session_id), ANN)
        return await self.commands.execute(
            JoinSession(id=ids.uuid7(), session_id=session_id, invite_id=invited.id), who
        )

    async def stored(self, session_id: str) -> list[int]:
        """Where the session's events are, by the stream itself."""
        found: list[int] = []
        subject = subjects.event(session_id)
        while batch := await self.reader.after(subjects.EVENTS, subject, found[-1] if found else 0):
            found += [each.seq for each in batch]
        return found


@asynccontextmanager
async def gateway(
    url: str, name: str = "gateway/test", *, make_stream: bool = True, **options: Any
) -> AsyncIterator[Gateway]:
    async with connect(url, name) as bus:
        if make_stream:
            await streams.ensure(bus.js, streams.events_config("epoch-1"))
        reader, queries = DirectReader(bus.client), QueryClient(bus)
        await reader.start()
        sessions = Sessions(bus, reader, queries, name, **options)
        async with tasks.background(sessions.run()):
            yield Gateway(bus, reader, sessions, Commands(sessions))


@dataclass
class Client(Listener):
    """A listener that does what an SDK does: a snapshot or publications, then pushes; and remembers all of it."""

    user: str = "ann"
    epoch: str = ""
    at: int = 0  # the last position it has
    seen: list[int] = field(default_factory=list)
    first_at: int = 0
    bodies: dict[int, dict[str, Any]] = field(default_factory=dict)
    passing: list[dict[str, Any]] = field(default_factory=list)
    frames: dict[int, bytes] = field(default_factory=dict)
    was_revoked: bool = False
    was_insufficient: bool = False
    joined: Joined | None = None
    listens: bool = False

    def deliver(self, frame: bytes, seq: int | None) -> None:
        push = orjson.loads(frame)["push"]
        assert push["pub"].get("offset") == seq
        assert self.listens
        if seq is not None:
            self.frames[seq] = frame
        self._take(push["pub"])

    def revoked(self) -> None:
        self.was_revoked = True

    def insufficient(self) -> None:
        self.was_insufficient = True

    def _take(self, pub: dict[str, Any]) -> None:
        if "offset" not in pub:
            self.passing.append(pub["data"])
            return
        assert pub["offset"] > self.at, f"{pub['offset']} after {self.at}"
        assert int(pub["tags"]["prev"]) <= self.at or not self.seen
        self.at = pub["offset"]
        self.seen.append(self.at)
        self.bodies[self.at] = pub["data"]

    async def join(self, where: Gateway, session_id: str, *, recover: bool = False) -> dict[str, Any]:
        joined = await where.sessions.join(session_id, self, (self.epoch, self.at) if recover else None, self.user)
        self.joined, self.epoch = joined, joined.epoch
        if not joined.recovered:
            self.at = self.first_at = joined.offset
            self.seen.clear()
        assert joined.offset == self.at
        for publication in joined.publications:
            self._take(orjson.loads(publication))
        self.listens = True
        joined.go_live()
        snapshot: dict[str, Any] = orjson.loads(joined.snapshot)
        return snapshot

    def leave(self) -> None:
        assert self.joined is not None
        self.joined.leave()
        self.listens = False

    def has_all(self, stored: list[int]) -> bool:
        """Whether it has every event after its snapshot, once, in order. More than that is an error."""
        expected = [seq for seq in stored if seq > self.first_at]
        assert self.seen == expected[: len(self.seen)], f"{self.seen[-5:]} against {expected[-5:]}"
        return self.seen == expected


def message(session_id: str, chat_id: str, content: str, actor: str = "ann", **more: Any) -> bytes:
    """The body of a message as another gateway would publish it."""
    event = MessagePosted(chat_id=chat_id, content=content, **more)
    return encode(wrap(event, event_id=ids.uuid7(), session_id=session_id, source="gateway/other", actor=actor))


async def flood(bus: Bus, session_id: str, chat_id: str, count: int, window: int = 64) -> None:
    """`count` messages as fast as the server takes them."""
    slots = asyncio.Semaphore(window)

    async def one(number: int) -> None:
        async with slots:
            await bus.js.publish(subjects.event(session_id), message(session_id, chat_id, f"m{number}"), timeout=20)

    await asyncio.gather(*(one(number) for number in range(count)))


def no_handover(monkeypatch: pytest.MonkeyPatch) -> None:
    """No gateway gives another one what it has of a session: all of them read the stream."""

    async def nobody(*_: Any) -> list[Stored]:
        return []

    monkeypatch.setattr(handover, "asked", nobody)


@asynccontextmanager
async def projector_behind(where: Gateway, most: int) -> AsyncIterator[None]:
    """Inside, `query.projector.snapshot` is answered with a position between the head and `most` events before it."""
    lags = random.Random(7)

    async def answer(request: Msg) -> None:
        session_id = orjson.loads(request.data)["session_id"]
        head = await where.reader.head(subjects.EVENTS, subjects.event(session_id))
        at = max(1, head.seq - lags.randint(0, most)) if head else 0
        await request.respond(orjson.dumps({"ok": {"at": at, "session": {"session_id": session_id}}}))

    subscription = await where.bus.client.subscribe(subjects.query("projector", "snapshot"), cb=answer)
    await where.bus.client.flush()
    try:
        yield
    finally:
        await subscription.unsubscribe()
