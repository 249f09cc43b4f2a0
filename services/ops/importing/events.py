"""What another system's conversations are as events: pure. The same source gives the same ids, however often."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import orjson
from pydantic import ValidationError

from services.ops.importing.old import Broken, OldChat, OldMessage, OldSession, OldSwitch
from shared import ids
from shared.events import (
    AgentSwitched,
    AiContext,
    ChatConfigured,
    ChatCreated,
    Envelope,
    Event,
    MessagePosted,
    SessionArchived,
    SessionCreated,
    SessionDeleted,
    Usage,
    wrap,
)

NOBODY = "anonymous"
MAX_BODY_BYTES = 900_000  # below the bus's limit of 1 MiB
_FIT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNFIT_IN_AGENTS = re.compile(r"[^a-z0-9_-]+")


def session_id(source: str, key: str) -> str:
    """The session keeps its id where that can be one here, so that links go on working."""
    if _FIT.fullmatch(key) and len(key) >= 8 and not key.startswith(ids.KEYED):
        return key
    return "imported-" + hashlib.sha256(f"{source}\x00{key}".encode()).hexdigest()[:48]


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the events of one session of one source."""

    source: str
    session: OldSession

    @property
    def session_id(self) -> str:
        """Where they go."""
        return session_id(self.source, self.session.key)

    def opening(self) -> Iterator[Envelope | Broken]:
        """The session, its chats and its settings."""
        old = self.session
        first, *others = old.chats or (OldChat("", old.at),)
        created = SessionCreated(
            owner=old.owner,
            chat_id=self.chat_id(first.key),
            chat_name=first.name[:200],
            chat_type=_type(first),
            title=old.title[:200],
            key=old.instance[:200],
        )
        yield self._envelope("session", old.key, old.at, created)
        for chat in others:
            made = ChatCreated(chat_id=self.chat_id(chat.key), name=chat.name[:200], chat_type=_type(chat))
            yield self._envelope("chat", chat.key, max(chat.at, old.at), made)
        for chat in old.chats:
            if chat.ai_context:
                yield self._configured(chat)

    def message(self, old: OldMessage) -> Envelope | Broken:
        """One message as it was said."""
        if not old.content:
            return Broken("messages", old.key, "it says nothing")
        answered = old.role == "assistant" and (old.model or old.tokens)
        try:
            posted = MessagePosted(
                chat_id=self.chat_id(old.chat_key or (self.session.chats[0].key if self.session.chats else "")),
                role=old.role,
                content=old.content,
                metadata=old.metadata,
                model=old.model,
                usage=Usage(output_tokens=old.tokens) if answered else None,
            )
        except ValidationError as error:
            return Broken("messages", old.key, f"{len(old.content)} characters: {error.errors()[0]['msg']}")
        actor = old.author or self.session.owner or NOBODY
        made = self._envelope("message", old.key, old.at, posted, actor, old.author_name)
        if len(orjson.dumps(made.data)) > MAX_BODY_BYTES:
            return Broken("messages", old.key, "it is too large for an event")
        return made

    def switch(self, old: OldSwitch) -> Envelope:
        """One hand-over."""
        chat_id = self.chat_id(self.session.chats[0].key if self.session.chats else "")
        switched = AgentSwitched(
            chat_id=chat_id,
            agent=agent_name(old.agent),
            previous=old.previous,
            reason=old.reason[:1000],
            metadata={**old.metadata, "imported_as": old.agent},
        )
        return self._envelope("switch", old.key, old.at, switched, "svc/import")

    def closing(self, last: datetime) -> Iterator[Envelope]:
        """What became of the session."""
        old = self.session
        kinds: dict[str, Event] = {"archived": SessionArchived(), "deleted": SessionDeleted()}
        if old.status in kinds:
            yield self._envelope("closing", old.key, max(last, old.ended_at or last), kinds[old.status])

    def chat_id(self, key: str) -> str:
        """The chat keeps its id for ever: it follows from the source's."""
        return self._id("chat-id", key, self.session.at)

    def _configured(self, chat: OldChat) -> Envelope | Broken:
        try:
            wishes = AiContext.model_validate(chat.ai_context)
        except ValidationError as error:
            return Broken("chats", chat.key, f"ai_context: {error.errors()[0]['msg']}")
        configured = ChatConfigured(chat_id=self.chat_id(chat.key), ai_context=wishes)
        return self._envelope("settings", chat.key, max(chat.at, self.session.at), configured)

    def _id(self, kind: str, key: str, at: datetime) -> str:
        return ids.of_content(_milliseconds(at), f"{self.source}\x00{self.session.key}\x00{kind}\x00{key}")

    def _envelope(
        self, kind: str, key: str, at: datetime, event: Event, actor: str = "", actor_name: str = ""
    ) -> Envelope:
        return wrap(
            event,
            event_id=self._id(kind, key, at),
            session_id=self.session_id,
            source=f"import/{self.source}",
            actor=actor or self.session.owner or NOBODY,
            actor_name=actor_name,
            at=at,
        )


def agent_name(text: str) -> str:
    """The name of an agent as it may be here."""
    name = _UNFIT_IN_AGENTS.sub("-", text.lower()).strip("-")[:64]
    return name if name[:1].isalpha() else f"agent-{name or 'unnamed'}"[:64]


def _type(chat: OldChat) -> str:
    return chat.chat_type[:64] or "discussion"


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
