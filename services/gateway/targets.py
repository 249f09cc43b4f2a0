"""What a command wants to change, as it is: from the newest events if they tell, else from the projector.

No state grows by this. A thing's newest event decides, so the last 256 events of the session, which are in memory
anyway, are enough for whatever began among them; for the rest the projector is asked, as of the feed's position.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from services.gateway.chain import Link
from services.gateway.feed import Feed
from shared.bus.query import QueryClient
from shared.events import ContentErased, MessageEdited, MessagePosted, MessageRedacted, OperationApplied, ReplyCompleted
from shared.session import Command, Target
from shared.session.commands import EditMessage, RedactMessage, SubmitOperation
from shared.session.replying import RequestReply

DEADLINE_S = 3.0


async def find(feed: Feed, queries: QueryClient, command: Command) -> Target:
    """The command's target, not older than the feed's position at the call; `Target()` if there is none.

    Raises:
        Unavailable: it is older than what is in memory, and the projector does not answer.
    """
    recent = feed.fold.recent
    match command:
        case EditMessage(message_id=thing) | RedactMessage(message_id=thing) | RequestReply(message_id=str() as thing):
            found, question = message_in(recent, thing), {"message_id": thing}
        case SubmitOperation(target=thing, expected_seq=int()):
            found, question = object_in(recent, thing), {"target": thing}
        case _:
            return Target()  # the last writer wins, whatever was there
    if found is not None or feed.last == 0 or (recent and recent[0].prev == 0):
        return found or Target()
    question |= {"session_id": feed.session_id}
    answer = await queries.ask("projector", "target", {**question, "min_seq": feed.last}, DEADLINE_S)
    return Target(**answer["target"]) if answer["target"] else Target()


def object_in(links: Iterable[Link], name: str) -> Target | None:
    """The shared object as these events leave it; None if none of them is about it."""
    target: Target | None = None
    for seq, body in _about(links, name):
        if body.get("type") == OperationApplied.TYPE and (body.get("data") or {}).get("target") == name:
            target = Target(seq, str(body.get("actor")))
    return target


def message_in(links: Iterable[Link], message_id: str) -> Target | None:
    """The message as these events leave it; None if it did not begin among them."""
    target: Target | None = None
    for seq, body in _about(links, message_id):
        data = body.get("data") or {}
        match body.get("type"):
            case MessagePosted.TYPE if target is None and body.get("id") == message_id:
                target = _message(seq, str(body.get("actor")), data, str(data.get("role", "user")))
            case ReplyCompleted.TYPE if target is None and data.get("reply_id") == message_id and data.get("content"):
                target = _message(seq, "", data, "assistant")
            case MessageEdited.TYPE if target and data.get("message_id") == message_id and data.get("content"):
                target = target if target.redacted else replace(target, seq=seq)
            case MessageRedacted.TYPE if target and data.get("message_id") == message_id and not target.redacted:
                target = replace(target, seq=seq, redacted=True)
            case ContentErased.TYPE if target and message_id in data.get("message_ids", []):
                target = replace(target, seq=seq, redacted=True)
    return target


def _message(seq: int, author: str, data: dict[str, Any], role: str) -> Target:
    return Target(seq, author, str(data.get("chat_id")), role=role, parent=str(data.get("parent") or ""))


def _about(links: Iterable[Link], name: str) -> Iterable[tuple[int, dict[str, Any]]]:
    """The events that hold the name, parsed."""
    wanted = name.encode()
    for link in links:
        if wanted in link.body:
            try:
                body = orjson.loads(link.body)
            except orjson.JSONDecodeError:
                continue
            if isinstance(body, dict):
                yield link.seq, body
