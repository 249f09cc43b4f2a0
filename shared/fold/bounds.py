"""A snapshot fits one message on the bus, whatever is in the session.

Messages have a bound of their own. What is left out is named in `cut`, and can be asked for by itself.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson

T = TypeVar("T")

MESSAGES = 50  # the newest ones, of the active chat
MAX_BYTES = 512 * 1024  # of messages
ROW_BYTES = 400  # what a message has besides its content, roughly
CHATS_BYTES = 128 * 1024
PLANS_BYTES = 96 * 1024
ASIDES = 50  # the newest replies that failed, and as many changes of agent, between the messages of a page
ASIDE_BYTES = 48 * 1024


def bounded(snapshot: dict[str, Any]) -> dict[str, Any]:
    """The snapshot, without the system prompts of other chats than the active one, and without what plans say at
    length and then older plans, where these take too much.
    """
    chats, plans = snapshot["chats"], snapshot["plans"]
    cut = []
    if _size(chats) > CHATS_BYTES:
        chats = [chat if chat["chat_id"] == snapshot["active_chat"] else _without_prompt(chat) for chat in chats]
        cut.append("chats")
    if _size(plans) > PLANS_BYTES:
        plans = [_short(plan) for plan in plans]
        while len(plans) > 1 and _size(plans) > PLANS_BYTES:
            plans = plans[1:]
        cut.append("plans")
    return {**snapshot, "chats": chats, "plans": plans, **({"cut": cut} if cut else {})}


def _size(of: list[dict[str, Any]]) -> int:
    return len(orjson.dumps(of)) if of else 0


def _without_prompt(chat: dict[str, Any]) -> dict[str, Any]:
    settings = {name: value for name, value in chat["ai_context"].items() if name != "system_prompt"}
    return {**chat, "ai_context": settings}


def _short(plan: dict[str, Any]) -> dict[str, Any]:
    modules = [{"title": module["title"], "hours": module["hours"]} for module in plan["modules"]]
    return {**plan, "summary": "", "modules": modules}


def fitting(newest_first: Sequence[T], content: Callable[[T], str]) -> Sequence[T]:
    """Those of them that a page holds: as many as fit, and at least one."""
    size = 0
    for count, row in enumerate(newest_first):
        size += len(content(row).encode()) + ROW_BYTES
        if size > MAX_BYTES and count:
            return newest_first[:count]
    return newest_first
