"""Chats in paths: the session they are in is looked up, unless the caller says it."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path, Query

from services.gateway.api.calls import ByCaller, InGateway
from shared.events.base import ChatId, SessionId

ChatPath = Annotated[ChatId, Path(description="Chat id")]
KnownSession = Annotated[
    SessionId | None, Query(description="The session, if it is known; where it is left out, it is looked up")
]


@dataclass(frozen=True, slots=True)
class Place:
    """A chat and its session, as parameters of a method."""

    session_id: str
    chat_id: str

    def __or__(self, more: dict[str, Any]) -> dict[str, Any]:
        """The parameters with more of them; what is None is left out."""
        given = {name: value for name, value in more.items() if value is not None}
        return {"session_id": self.session_id, "chat_id": self.chat_id, **given}


async def _place(gateway: InGateway, caller: ByCaller, chat_id: ChatPath, session_id: KnownSession = None) -> Place:
    return Place(session_id or await gateway.places.of_chat(caller.identity.user, chat_id), chat_id)


InChat = Annotated[Place, Depends(_place)]
