"""One execution of a command: what it decides on, the message that its event travels in, and what became of it."""

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from services.gateway import asking
from services.gateway.feed import Feed
from services.gateway.lanes import Lane
from shared import errors, subjects
from shared.auth import Identity
from shared.bus.batch import Message
from shared.events import attributes
from shared.session import Actor, Command, Decided, Target, decide
from shared.session.commands import SendMessage

NOTHING = Target()


class Outcome(NamedTuple):
    """What became of a command: its event, and where it stands. `duplicate`: it was there before."""

    id: str
    seq: int
    duplicate: bool
    session_id: str
    type: str
    data: dict[str, Any]

    @property
    def chat_id(self) -> str | None:
        """The chat the event made or went to."""
        return self.data.get("chat_id")

    @property
    def reply_id(self) -> str | None:
        """The reply the event asks for."""
        return self.data.get("reply_id")


class Composed(NamedTuple):
    """An event of a command, and the message that carries it."""

    type: str
    data: dict[str, Any]
    message: Message


@dataclass(slots=True)
class Call:
    """One execution. `sent`: the bodies that it has published so far, whose fate may be unknown.

    `target` is what the command wants to change, as it was when the session was at `known_at`.
    """

    feed: Feed
    lane: Lane
    command: Command
    identity: Identity
    traceparent: str
    sent: list[bytes] = field(default_factory=list)
    target: Target = NOTHING
    known_at: int = 0

    @property
    def streams(self) -> bool:
        """Whether it may be on its way together with others of its sender: it depends on nothing but their order."""
        return isinstance(self.command, SendMessage) and self.command.expected_seq is None

    def decided(self) -> Decided | errors.Refused:
        """What the command means for the session as it is known now."""
        actor = Actor(self.identity.user, self.identity.name, self.identity.guest)
        state = self.feed.fold.facts if self.streams else self.feed.state
        return decide(state, self.command, actor, int(time.time()), self.target)

    def compose(self, decided: Decided, source: str) -> Composed:
        """The event as it will be sent now. The command's model and the token have checked what is in it."""
        event, session_id = decided.event, self.feed.session_id
        fields = attributes(
            event,
            event_id=self.command.id,
            session_id=session_id,
            source=source,
            actor=self.identity.user,
            actor_name=self.identity.name,
            traceparent=self.traceparent,
        )
        body = orjson.dumps(fields)
        self.sent.append(body)
        msg_id = subjects.command_msg_id(self.identity.user, self.command.id)
        return Composed(event.TYPE, fields["data"], Message(body, msg_id, asking.headers(event, self.traceparent)))

    def outcome(self, composed: Composed, seq: int) -> Outcome:
        """It was stored as a new event."""
        return Outcome(self.command.id, seq, False, self.feed.session_id, composed.type, composed.data)
