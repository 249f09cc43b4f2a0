"""What the first call makes and every later one finds, on whichever gateway, at whatever moment.

The session of a key has an id that follows from user and key, and a session id is created once: so those who call at
the same time make the same session. Nobody else may take such an id. A chat that is the only one of its type is made
strictly: only if the session has not moved since it was seen to have none.
"""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import StringConstraints

from services.gateway.context import Caller, Gateway
from services.gateway.requests import Params, parse
from services.gateway.writing import answer, execute
from shared import errors, ids
from shared.events.base import Title
from shared.session import Command, SessionState
from shared.session.commands import CommandId, CreateChat, CreateSession

Find = Callable[[SessionState], str | None]


class KeyRequest(Params):
    """`key`: the instance or place that the session belongs to. The rest counts only if it is made now."""

    id: CommandId
    key: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    title: Title = ""
    project: Annotated[str, StringConstraints(max_length=200)] = ""


async def create_session(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """Opens a session."""
    command = parse(CreateSession, data)
    if command.session_id.startswith(ids.KEYED):
        raise errors.BadRequest(f"session_id: ids that begin with {ids.KEYED} belong to session.get_or_create")
    if command.key:
        raise errors.BadRequest("key: belongs to session.get_or_create")
    return await _make(gateway, caller, command)


async def get_or_create_session(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """The user's session for the key."""
    request = parse(KeyRequest, data)
    session_id = ids.keyed(caller.identity.user, request.key)
    command = parse(CreateSession, {**request.model_dump(), "session_id": session_id})
    return await _obtain(gateway, caller, command, lambda state: state.active_chat or None)


async def create_chat(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """Opens a chat; with `unique_type`, unless the session has one of its type, which is then the answer."""
    command = parse(CreateChat, data)
    if not command.unique_type:
        return await _make(gateway, caller, command)
    return await _obtain(gateway, caller, command, lambda state: state.chat_of_type(command.chat_type))


async def _obtain(gateway: Gateway, caller: Caller, command: Command, find: Find) -> dict[str, Any]:
    """What is found, or what the command makes; `created` says which. Made by others meanwhile: it is found then."""

    async def found() -> dict[str, Any] | None:
        async with gateway.sessions.open(command.session_id) as feed:
            state, known = feed.state, feed.seq_of(caller.identity.user, command.id) is not None
        chat_id = find(state) if caller.identity.user in state.participants else None
        if chat_id is None or known:
            return None
        if state.deleted:
            raise errors.Gone("the session is deleted")
        facts = {"id": command.id, "seq": state.seq, "duplicate": True, "session_id": state.session_id}
        return {**facts, "chat_id": chat_id, "created": False}

    if (there := await found()) is not None:
        return there
    try:
        made = await _make(gateway, caller, command)
    except errors.Conflict:
        if (there := await found()) is None:
            raise
        return there
    return {**made, "created": not made["duplicate"]}


async def _make(gateway: Gateway, caller: Caller, command: Command) -> dict[str, Any]:
    """What the command makes. Where the chat is need not be asked of anybody from here on."""
    outcome = await execute(gateway, caller, command)
    if outcome.chat_id:
        gateway.places.learn(caller.identity.user, outcome.chat_id, outcome.session_id)
    return answer(outcome)
