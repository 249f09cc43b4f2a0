"""The methods that write: parameters to a command, the command to the log, and what came of it as the answer."""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel

from services.gateway import signals
from services.gateway.access import readable
from services.gateway.composing import Outcome
from services.gateway.context import Caller, Gateway
from services.gateway.requests import Params, parse
from shared import auth, errors, telemetry
from shared.events.base import SessionId
from shared.session import Command
from shared.session.commands import CommandId, InviteParticipant, JoinSession

Handler = Callable[[Gateway, Caller, Any], Awaitable[dict[str, Any]]]


async def execute(gateway: Gateway, caller: Caller, command: Command) -> Outcome:
    """The command is in the log, at the outcome's `seq`. Does not yield before the command has its place in order."""
    gateway.agents.check(command)
    return await gateway.commands.execute(command, caller.identity, telemetry.traceparent())


def answer(outcome: Outcome) -> dict[str, Any]:
    """What every writing method answers; an empty field is left out."""
    named = {"chat_id": outcome.chat_id, "reply_id": outcome.reply_id}
    facts = {"id": outcome.id, "seq": outcome.seq, "duplicate": outcome.duplicate, "session_id": outcome.session_id}
    return {**facts, **{name: value for name, value in named.items() if value}}


def write(model: type[Command]) -> Handler:
    """A method whose parameters are the command itself."""

    async def handler(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
        return answer(await execute(gateway, caller, parse(model, data)))

    return handler


async def located(gateway: Gateway, caller: Caller, data: Any) -> Any:
    """The parameters with the session of the chat or reply that they name, if they name no session.

    Raises:
        NotFound: there is no such chat or reply for this user.
    """
    if not isinstance(data, dict) or data.get("session_id"):
        return data
    user = caller.identity.user
    match data:
        case {"chat_id": str() as chat_id}:
            return {**data, "session_id": await gateway.places.of_chat(user, chat_id)}
        case {"reply_id": str() as reply_id}:
            return {**data, "session_id": await gateway.places.of_reply(user, reply_id)}
        case _:
            return data


def write_alone(model: type[Command]) -> Handler:
    """The same for methods that run alone: what they name may be looked up first, the session and the agent."""

    async def handler(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
        command = parse(model, await located(gateway, caller, data))
        await gateway.agents.look(command)
        return answer(await execute(gateway, caller, command))

    return handler


async def invite(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """Makes an invitation; the answer holds the token that its bearer joins with."""
    command = parse(InviteParticipant, data)
    outcome = await execute(gateway, caller, command)
    return {**answer(outcome), "invite": auth.invite_token(gateway.secret, command.session_id, command.id)}


class JoinRequest(Params):
    """`session.join`: the session is named by the invitation."""

    id: CommandId
    invite: str


async def join_session(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """Enters the session of a genuine invitation."""
    request = parse(JoinRequest, data)
    session_id, invite_id = auth.read_invite(gateway.secret, request.invite)
    raw = {"id": request.id, "session_id": session_id, "invite_id": invite_id}
    return answer(await execute(gateway, caller, parse(JoinSession, raw)))


class TypingRequest(BaseModel):
    """`typing`."""

    session_id: SessionId
    chat_id: str = ""


async def typing(gateway: Gateway, caller: Caller, data: Any) -> dict[str, Any]:
    """Tells the others that this user is writing. Nothing of it is stored, and nobody waits for it."""
    request = parse(TypingRequest, data)
    async with readable(gateway, request.session_id, caller.identity) as feed:
        if feed.state.deleted:
            raise errors.Gone("the session is deleted")
        chat_id = request.chat_id or feed.state.active_chat
    signal = {"type": "typing", "user": caller.identity.user, "name": caller.identity.name, "chat_id": chat_id}
    await signals.send(gateway.bus, request.session_id, signal)
    return {}
