"""How far a user has read, as a method."""

from typing import Any

from services.gateway.access import readable
from services.gateway.coalescing import Answer
from services.gateway.context import Caller, Gateway
from services.gateway.requests import parse
from services.gateway.writing import answer, execute
from shared import errors
from shared.session.receipts import ReadUpTo


async def read_up_to(gateway: Gateway, caller: Caller, data: Any) -> Answer:
    """The user's receipt is at least where the command says. One that is behind changes nothing, and is no error."""
    command = parse(ReadUpTo, data)
    user = caller.identity.user

    async def known(or_raise: errors.RuleBroken | None = None) -> Answer | None:
        async with readable(gateway, command.session_id, caller.identity) as feed:
            if command.up_to_seq > feed.last:
                await feed.catch_up()
            so_far, seq, is_repeat = feed.state.receipts.get(user, 0), feed.last, feed.seq_of(user, command.id)
        if is_repeat is not None:
            return await record(command)
        if command.up_to_seq <= so_far:
            facts = {"id": command.id, "seq": seq, "duplicate": True, "session_id": command.session_id}
            return {**facts, "up_to_seq": so_far}
        if command.up_to_seq > seq:  # said here, or those that it would wait with were refused with it
            raise errors.RuleBroken(f"the session is at seq {seq}")
        if or_raise is not None:
            raise or_raise
        return None

    async def record(furthest: ReadUpTo) -> Answer:
        outcome = await execute(gateway, caller, furthest)
        return {**answer(outcome), "up_to_seq": outcome.data["up_to_seq"]}

    if (found := await known()) is not None:
        return found
    try:
        return await gateway.commands.receipts.take((command.session_id, user), command, record)
    except errors.RuleBroken as error:
        return await known(error) or {}
