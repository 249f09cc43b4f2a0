"""Is this stored event what this command would have become? A command sent again gets its first answer; an id that was
used for something else is a conflict, and must never be answered as if it had been done.
"""

from typing import Any

import orjson
from pydantic import BaseModel

from shared.session import Command
from shared.session.commands import CreateSession
from shared.session.replying import FinalizePlan

_ADDRESS = {"id", "session_id"}


def is_repeat(command: Command, event_type: str, data: dict[str, Any]) -> bool:
    """Whether an event of `event_type` with `data`, stored under the command's id, came from the same command.

    Every field that the command shares with its event is compared. A field that the command left open (the chat, where
    the active one is meant) was filled in when it was decided; the state may have changed since, so it is not compared.
    """
    kind = command.EVENT
    if event_type != kind.TYPE or (data.get("purpose") == "finalize") != isinstance(command, FinalizePlan):
        return False
    for name in set(type(command).model_fields) - _ADDRESS:
        asked = getattr(command, name)
        if isinstance(asked, BaseModel):
            asked = asked.model_dump(mode="json", exclude_none=True)
        if name == "reply":
            named = asked if isinstance(asked, str) else None
            if bool(asked) != bool(data.get("reply_id")) or named != data.get("agent"):
                return False
        elif name == "title" and isinstance(command, CreateSession) and command.track and not asked:
            if data.get("title") != command.track.title:
                return False
        elif name in kind.model_fields and not (asked is None and name == "chat_id"):
            stored = data.get(name, kind.model_fields[name].default)
            if asked != stored or _written(asked) != _written(stored):
                return False
    return True


def _written(value: Any) -> bytes:
    """As JSON, where 1, 1.0 and true are not the same."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
