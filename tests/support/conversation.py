"""Events as services publish them, for tests that need a stream with something in it."""

from typing import Any

from shared import ids, subjects
from shared.bus.connection import Bus
from shared.bus.publish import Published, publish
from shared.events import (
    Envelope,
    Event,
    Manifest,
    MessagePosted,
    ReplyCompleted,
    ReplyStarted,
    SessionCreated,
    Usage,
    encode,
    wrap,
)

USER = "ada"


def envelope(session_id: str, event: Event, *, event_id: str = "", actor: str = USER, **options: Any) -> Envelope:
    return wrap(
        event,
        event_id=event_id or ids.uuid7(),
        session_id=session_id,
        source="gateway/test",
        actor=actor,
        **options,
    )


async def put(bus: Bus, of: Envelope, msg_id: str = "") -> Published:
    """Publishes an event as a gateway does; `msg_id` lets a second copy of the same id pass."""
    key = msg_id or subjects.command_msg_id(of.actor, of.id)
    return await publish(bus.js, subjects.event(of.subject), encode(of), msg_id=key)


def created(session_id: str, chat_id: str = "c1", owner: str = USER, title: str = "") -> Envelope:
    return envelope(session_id, SessionCreated(owner=owner, owner_name=owner.title(), chat_id=chat_id, title=title))


def posted(session_id: str, content: str = "hello", chat_id: str = "c1", **options: Any) -> Envelope:
    """A message; with `reply_id` it asks for a reply."""
    reply_id = options.pop("reply_id", None)
    return envelope(session_id, MessagePosted(chat_id=chat_id, content=content, reply_id=reply_id), **options)


def answered(session_id: str, reply_id: str, content: str) -> list[Envelope]:
    """The start and the end of a reply."""
    started = ReplyStarted(
        reply_id=reply_id, chat_id="c1", attempt=1, model="offline", manifest=Manifest(seqs=[1], digest="0")
    )
    completed = ReplyCompleted(
        reply_id=reply_id,
        chat_id="c1",
        attempt=1,
        content=content,
        model="offline",
        finish_reason="stop",
        usage=Usage(input_tokens=11, output_tokens=5, cached_tokens=2),
    )
    return [envelope(session_id, started, actor="svc/llm"), envelope(session_id, completed, actor="svc/llm")]
