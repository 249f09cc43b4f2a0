"""What another system's conversations are as events: pure. The same source gives the same ids, however often."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.ops.importing.old import Broken, OldChat, OldMessage, OldSession, OldSwitch
from services.ops.importing.sound import sound, user_id
from shared import ids
from shared.events import (
    AgentSwitched,
    AiContext,
    ChatConfigured,
    ChatCreated,
    Event,
    MessagePosted,
    ReceiptRead,
    SessionArchived,
    SessionCreated,
    SessionDeleted,
    Usage,
    encode,
    wrap,
)
from shared.nesting import MOST_LEVELS, is_too_deep

NOBODY = "anonymous"
MAX_BODY_BYTES = 900_000  # below the bus's limit of 1 MiB
_FIT = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_UNFIT_IN_AGENTS = re.compile(r"[^a-z0-9_-]+")
UNFIT = (ValueError, TypeError, OverflowError, RecursionError)  # what a value that fits nowhere raises

Said = tuple[str, str, str, str, str]  # id, time, role, author, content


@dataclass(frozen=True, slots=True)
class Made:
    """An event on its way. `said` is what both sides are compared by; `changed`: what could not stay as it was."""

    id: str
    body: bytes
    said: Said | None = None
    changed: str = ""


def session_id(source: str, key: str) -> str:
    """The session keeps its id where that can be one here, so that links go on working."""
    if _FIT.fullmatch(key) and len(key) >= 8 and not key.startswith((ids.KEYED, "imported-")):
        return key
    return "imported-" + hashlib.sha256(f"{source}\x00{sound(key)}".encode()).hexdigest()[:48]


class Maker:
    """Makes the events of one session of one source."""

    def __init__(self, source: str, session: OldSession) -> None:
        self.session_id = session_id(source, session.key)
        self._source = source
        self._session = session
        self._owner = user_id(session.owner or "")
        self._chat_ids: dict[str, str] = {}

    def opening(self) -> Iterator[Made | Broken]:
        """The session, its chats and its settings."""
        old = self._session
        first, *others = old.chats or (OldChat("", old.at),)
        created = SessionCreated(
            owner=self._owner or None,
            chat_id=self.chat_id(first.key),
            chat_name=sound(first.name)[:200],
            chat_type=_type(first),
            title=sound(old.title)[:200],
            key=sound(old.instance)[:200],
        )
        yield self._made("session", old.key, old.at, created)
        for chat in others:
            made = ChatCreated(chat_id=self.chat_id(chat.key), name=sound(chat.name)[:200], chat_type=_type(chat))
            yield self._made("chat", chat.key, max(chat.at, old.at), made)
        for chat in old.chats:
            if chat.ai_context:
                yield self._configured(chat)

    def message(self, old: OldMessage) -> Made | Broken:
        """One message as it was said."""
        if not old.content:
            return Broken("messages", old.key, "it says nothing")
        try:
            return self._message(old)
        except UNFIT as error:
            return Broken("messages", old.key, f"{len(old.content)} characters: {_reason(error)}")

    def switch(self, old: OldSwitch) -> Made | Broken:
        """One hand-over."""
        try:
            switched = AgentSwitched(
                chat_id=self.chat_id(self._first_chat),
                agent=agent_name(old.agent),
                previous=sound(old.previous),
                reason=sound(old.reason)[:1000],
                metadata=_metadata({**old.metadata, "imported_as": old.agent}),
            )
            return self._made("switch", old.key, old.at, switched, "svc/import")
        except UNFIT as error:
            return Broken("agent_contexts", old.key, _reason(error))

    def closing(self, last: datetime) -> Iterator[Made]:
        """What became of the session."""
        old = self._session
        kinds: dict[str, Event] = {"archived": SessionArchived(), "deleted": SessionDeleted()}
        if old.status in kinds:
            yield self._made("closing", old.key, max(last, old.ended_at or last), kinds[old.status])

    def read(self, last: Made, up_to_seq: int) -> Made | None:
        """The owner knows what was said there, up to the last message: nothing old is unread. None without an owner."""
        if not self._owner or last.said is None:
            return None
        read = ReceiptRead(user=self._owner, up_to_seq=up_to_seq)
        return self._made("read", last.id, datetime.fromisoformat(last.said[1]), read)

    def chat_id(self, key: str) -> str:
        """The chat keeps its id for ever: it follows from the source's."""
        if key not in self._chat_ids:
            self._chat_ids[key] = self._id("chat-id", key, self._session.at)
        return self._chat_ids[key]

    @property
    def _first_chat(self) -> str:
        return self._session.chats[0].key if self._session.chats else ""

    def _message(self, old: OldMessage) -> Made | Broken:
        content, metadata = sound(old.content), _metadata(old.metadata)
        answered = old.role == "assistant" and (old.model or old.tokens)
        posted = MessagePosted(
            chat_id=self.chat_id(old.chat_key or self._first_chat),
            role=old.role,
            content=content,
            metadata=metadata,
            model=sound(old.model),
            usage=Usage(output_tokens=old.tokens) if answered else None,
        )
        actor = user_id(old.author) or self._owner or NOBODY
        event_id = self._id("message", old.key, old.at)
        envelope = wrap(
            posted,
            event_id=event_id,
            session_id=self.session_id,
            source=f"import/{self._source}",
            actor=actor,
            actor_name=sound(old.author_name),
            at=old.at,
        )
        body = encode(envelope)
        if len(body) > MAX_BODY_BYTES:
            return Broken("messages", old.key, f"{len(old.content)} characters: it is too large for an event")
        changed = "" if (content, metadata) == (old.content, old.metadata) else "what is no text in it became U+FFFD"
        return Made(event_id, body, (event_id, envelope.time, old.role, actor, content), changed)

    def _configured(self, chat: OldChat) -> Made | Broken:
        try:
            wishes = AiContext.model_validate(sound(chat.ai_context))
        except UNFIT as error:
            return Broken("chats", chat.key, f"ai_context: {_reason(error)}")
        configured = ChatConfigured(chat_id=self.chat_id(chat.key), ai_context=wishes)
        return self._made("settings", chat.key, max(chat.at, self._session.at), configured)

    def _id(self, kind: str, key: str, at: datetime) -> str:
        content = f"{self._source}\x00{self._session.key}\x00{kind}\x00{key}"
        return ids.of_content(max(0, int(at.timestamp() * 1000)), str(sound(content)))

    def _made(self, kind: str, key: str, at: datetime, event: Event, actor: str = "") -> Made:
        event_id = self._id(kind, key, at)
        envelope = wrap(
            event,
            event_id=event_id,
            session_id=self.session_id,
            source=f"import/{self._source}",
            actor=actor or self._owner or NOBODY,
            at=at,
        )
        return Made(event_id, encode(envelope))


def agent_name(text: str) -> str:
    """The name of an agent as it may be here."""
    name = _UNFIT_IN_AGENTS.sub("-", text.lower()).strip("-")[:64]
    return name if name[:1].isascii() and name[:1].isalpha() else f"agent-{name or 'unnamed'}"[:64]


def _metadata(value: dict[str, Any]) -> dict[str, Any]:
    if is_too_deep(value):
        raise ValueError(f"metadata is more than {MOST_LEVELS} levels deep")
    found: dict[str, Any] = sound(value)
    return found


def _type(chat: OldChat) -> str:
    return str(sound(chat.chat_type))[:64] or "discussion"


def _reason(error: BaseException) -> str:
    errors = getattr(error, "errors", None)
    return str(errors()[0]["msg"]) if errors is not None else str(error) or type(error).__name__
