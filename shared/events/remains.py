"""An event's body without what was said in it: what stands in its place once it is erased. Pure.

Who, when, in which chat and what for stay, so that whoever folds the log comes to the same sessions, chats, counts and
costs. Texts, names and free-form values go; so does the nonce, or the digest of a short text could be guessed.
"""

from collections.abc import Mapping
from typing import Any

from shared.events.base import Event
from shared.events.catalogue import CATALOGUE
from shared.events.chats import (
    AgentSwitched,
    ChatConfigured,
    ChatCreated,
    ChatRenamed,
    SessionConfigured,
)
from shared.events.erasure import ContentErased
from shared.events.messages import MessageEdited, MessagePosted
from shared.events.objects import OperationApplied
from shared.events.participants import ParticipantJoined
from shared.events.plans import PlanFinalized
from shared.events.replies import ReplyCompleted, ReplyFailed, ReplyStarted
from shared.events.sessions import SessionCreated, SessionRenamed

ERASED = "[erased]"
NO_NONCE = "0" * 32

# What is said in an event, and what is put in its place; None leaves the field out. All others stay.
SAID: dict[type[Event], dict[str, Any]] = {
    SessionCreated: dict.fromkeys(("owner_name", "title", "chat_name", "project", "key", "track")),
    SessionRenamed: {"title": ""},
    SessionConfigured: {"ai_context": {"system_prompt": None}},
    ParticipantJoined: {"name": None},
    ChatCreated: {"name": None},
    ChatRenamed: {"name": ""},
    ChatConfigured: {"ai_context": {"system_prompt": None}},
    AgentSwitched: {"reason": None, "metadata": None},
    MessagePosted: {"content": ERASED, "metadata": None},
    MessageEdited: {"content": ERASED, "metadata": None},
    OperationApplied: {"payload": None},
    ReplyStarted: {"manifest": {"digest": ""}},
    ReplyCompleted: {"content": ERASED},
    ReplyFailed: {"message": "", "partial": None},
    PlanFinalized: {"title": None, "summary": None, "modules": [{"title": ERASED, "hours": 1, "topics": [ERASED]}]},
}
_SAID = {kind.TYPE: blanks for kind, blanks in SAID.items()}


def remains(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body (a decoded CloudEvents object) without what was said. Of a type that is not known, no data is left."""
    kind, data = str(body.get("type")), body.get("data")
    kept = _blanked(data, _SAID.get(kind, {})) if kind in CATALOGUE and isinstance(data, Mapping) else {}
    left = {name: value for name, value in body.items() if name not in ("actorname", "traceparent")}
    return {**left, "nonce": NO_NONCE, "data": kept, "erased": True}


def says_something(body: Mapping[str, Any]) -> bool:
    """Whether there is anything in the body that erasing it would take away."""
    if body.get("type") == ContentErased.TYPE:
        return False
    return bool(body.get("actorname")) or remains(body)["data"] != body.get("data")


def _blanked(data: Mapping[str, Any], blanks: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in data.items() if name not in blanks}
    for name in blanks.keys() & data.keys():
        blank, value = blanks[name], data[name]
        if isinstance(blank, Mapping):
            kept[name] = _blanked(value, blank) if isinstance(value, Mapping) else {}
        elif blank is not None:
            kept[name] = blank if value else value  # nothing said leaves nothing, so a reply without text stays one
    return kept
