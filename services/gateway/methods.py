"""Every method by name, for the socket's `rpc` and for HTTP alike: what does it, and when it may run."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from services.gateway import insights, models, reading
from services.gateway.awareness import awareness
from services.gateway.context import Caller, Gateway
from services.gateway.obtaining import create_chat, create_session, get_or_create_session
from services.gateway.receipts import read_up_to
from services.gateway.writing import Handler, invite, join_session, typing, write, write_alone
from shared import errors
from shared.session.arranging import ActivateChat, ConfigureChat, ConfigureSession, RenameChat, SwitchAgent
from shared.session.commands import (
    ArchiveSession,
    DeleteSession,
    EditMessage,
    LeaveSession,
    RedactMessage,
    RemoveParticipant,
    RenameSession,
    RestoreSession,
    SendMessage,
    SetRole,
    SubmitOperation,
    UnarchiveSession,
)
from shared.session.replying import CancelReply, FinalizePlan, RequestReply


class Order(Enum):
    """How a method stands to the others of its connection."""

    SERIAL = "alone, after everything before it and before everything after it"
    WRITE = "begun in order, together with other writes"
    READ = "after the writes before it, beside everything else"


@dataclass(frozen=True, slots=True)
class Method:
    """One entry of the table."""

    order: Order
    handler: Handler


METHODS: Mapping[str, Method] = {
    "session.create": Method(Order.SERIAL, create_session),
    "session.get_or_create": Method(Order.SERIAL, get_or_create_session),
    "session.rename": Method(Order.SERIAL, write(RenameSession)),
    "session.configure": Method(Order.SERIAL, write_alone(ConfigureSession)),
    "session.archive": Method(Order.SERIAL, write(ArchiveSession)),
    "session.unarchive": Method(Order.SERIAL, write(UnarchiveSession)),
    "session.delete": Method(Order.SERIAL, write(DeleteSession)),
    "session.restore": Method(Order.SERIAL, write(RestoreSession)),
    "session.invite": Method(Order.SERIAL, invite),
    "session.join": Method(Order.SERIAL, join_session),
    "session.leave": Method(Order.SERIAL, write(LeaveSession)),
    "session.remove": Method(Order.SERIAL, write(RemoveParticipant)),
    "session.set_role": Method(Order.SERIAL, write(SetRole)),
    "session.exists": Method(Order.READ, reading.session_exists),
    "session.list": Method(Order.READ, reading.session_list),
    "session.stats": Method(Order.READ, insights.session_stats),
    "session.timeline": Method(Order.READ, insights.session_timeline),
    "session.at": Method(Order.READ, insights.session_at),
    "chat.create": Method(Order.SERIAL, create_chat),
    "chat.rename": Method(Order.SERIAL, write_alone(RenameChat)),
    "chat.configure": Method(Order.SERIAL, write_alone(ConfigureChat)),
    "chat.activate": Method(Order.SERIAL, write_alone(ActivateChat)),
    "chat.list": Method(Order.READ, reading.chat_list),
    "chat.history": Method(Order.READ, reading.chat_history),
    "message.send": Method(Order.WRITE, write(SendMessage)),
    "message.edit": Method(Order.WRITE, write(EditMessage)),
    "message.redact": Method(Order.WRITE, write(RedactMessage)),
    "message.revisions": Method(Order.READ, insights.message_revisions),
    "reply.request": Method(Order.SERIAL, write_alone(RequestReply)),
    "reply.cancel": Method(Order.SERIAL, write_alone(CancelReply)),
    "agent.list": Method(Order.READ, models.agent_list),
    "agent.switch": Method(Order.SERIAL, write_alone(SwitchAgent)),
    "plan.finalize": Method(Order.SERIAL, write_alone(FinalizePlan)),
    "operation.submit": Method(Order.WRITE, write(SubmitOperation)),
    "object.list": Method(Order.READ, reading.object_list),
    "receipt.read": Method(Order.READ, read_up_to),  # it may wait, and nothing waits for it
    "typing": Method(Order.WRITE, typing),
    "awareness": Method(Order.WRITE, awareness),
    "usage.get": Method(Order.READ, insights.usage),
    "analytics.planning": Method(Order.READ, insights.planning_analytics),
    "llm.test": Method(Order.READ, models.llm_test),
}


async def call(gateway: Gateway, caller: Caller, method: str, data: Any) -> dict[str, Any]:
    """The method's answer.

    Raises:
        MethodNotFound: there is none of this name.
        AntiphonError: what it was refused with, or why it can't be done now.
    """
    found = METHODS.get(method)
    if found is None:
        raise errors.MethodNotFound(method)
    return await found.handler(gateway, caller, data)
