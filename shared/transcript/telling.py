"""One event as an entry of a transcript: pure."""

from dataclasses import replace
from typing import Any

from shared.events import (
    AgentSwitched,
    ChatCreated,
    ContentErased,
    MessagePosted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantRemoved,
    PlanFinalized,
    Recorded,
    ReplyCompleted,
    ReplyFailed,
    SessionCreated,
    SessionRenamed,
)
from shared.session import SessionState
from shared.transcript.entries import Entry, Item, Kind
from shared.transcript.overview import Overview

SAID = ("metadata", "title", "modules")  # facts that go with what was said


def entry(item: Item, state: SessionState, overview: Overview) -> Entry | None:
    """The entry of an event that came upon `state`; None for what a reader need not know."""
    if item.recorded is None:
        return None
    envelope = item.recorded.envelope
    match item.recorded.event:
        case MessagePosted() as e:
            facts: dict[str, Any] = {"parent": e.parent, "metadata": e.metadata or None, "reply_id": e.reply_id}
            facts |= {"model": e.model or None, **(e.usage.model_dump(exclude_defaults=True) if e.usage else {})}
            posted = Entry("message", item.seq, envelope.id, item.time, e.chat_id, e.role, envelope.actor)
            posted = replace(posted, author_name=envelope.actorname, content=e.content, facts=facts)
            return _now(posted, item, overview)
        case ReplyCompleted() as e if e.content and e.reply_id in state.open_replies:
            facts = {"parent": e.parent, "model": e.model, "agent": e.agent or None, "finish_reason": e.finish_reason}
            return _now(_answer("message", item, e, e.content, facts), item, overview)
        case PlanFinalized() as e if e.reply_id in state.open_replies:
            modules = [module.model_dump() for module in e.modules]
            facts = {"title": e.title, "modules": modules, "model": e.model, "agent": e.agent or None}
            return _now(_answer("plan", item, e, e.summary, facts), item, overview)
        case _:
            said = _note(item.recorded, state)
            return Entry("note", item.seq, item.id, item.time, content=said) if said else None


def _answer(kind: Kind, item: Item, e: ReplyCompleted | PlanFinalized, said: str, facts: dict[str, Any]) -> Entry:
    name = e.agent or e.model
    facts |= e.usage.model_dump(exclude_defaults=True)
    return Entry(kind, item.seq, e.reply_id, item.time, e.chat_id, "assistant", name, name, said, facts=facts)


def _now(entry: Entry, item: Item, overview: Overview) -> Entry:
    """The message or plan as it is at the end of the transcript."""
    is_erased = item.erased or entry.id in overview.erased
    if is_erased or entry.id in overview.redacted:
        facts = {name: value for name, value in entry.facts.items() if name not in SAID}
        return replace(entry, content="", state="erased" if is_erased else "redacted", facts=facts)
    if entry.id in overview.edits:
        content, edited_at = overview.edits[entry.id]
        return replace(entry, content=content, state="edited", facts={**entry.facts, "edited_at": edited_at})
    return entry


def _note(recorded: Recorded, state: SessionState) -> str:
    envelope = recorded.envelope
    by = envelope.actorname or envelope.actor
    match recorded.event:
        case SessionCreated() as e if not state.exists:
            return f"{e.owner_name or e.owner or 'Somebody'} opened the session"
        case SessionRenamed() as e:
            return f"{by} named it {e.title!r}"
        case ChatCreated() as e if e.chat_id not in state.chats:
            return f"{by} opened the chat {e.name or e.chat_id!r}"
        case ParticipantJoined() as e if e.user not in state.participants:
            return f"{e.name or e.user} joined"
        case ParticipantLeft() as e if (person := state.participants.get(e.user)) is not None:
            return f"{person.name} left"
        case ParticipantRemoved() as e if (person := state.participants.get(e.user)) is not None:
            return f"{by} removed {person.name}"
        case AgentSwitched() as e:
            return f"{e.agent} answers from here on" + (f": {e.reason}" if e.reason else "")
        case ReplyFailed() as e if e.reply_id in state.open_replies:
            return f"No answer ({e.reason}): {e.message}"
        case ContentErased() as e:
            return f"{by} had {len(e.seqs)} event{'s' * (len(e.seqs) != 1)} erased: {e.reason}"
        case _:
            return ""
