"""A snapshot fits the bus, whatever is in it."""

from typing import Any

import orjson

from shared.fold.bounds import CHATS_BYTES, PLANS_BYTES, bounded

PROMPT = "é" * 16_384


def snapshot(chats: int, plans: int, description: str) -> dict[str, Any]:
    modules = [{"title": "t", "description": description, "hours": 1, "topics": ["x"]}] * 100
    return {
        "active_chat": "c3",
        "chats": [{"chat_id": f"c{n}", "ai_context": {"model": "m", "system_prompt": PROMPT}} for n in range(chats)],
        "plans": [{"seq": n, "title": "p", "summary": "s", "modules": modules} for n in range(plans)],
    }


def test_what_fits_is_whole() -> None:
    small = snapshot(2, 1, "short")
    assert bounded(small) == small


def test_of_many_long_settings_the_active_chat_keeps_its_own() -> None:
    shown = bounded(snapshot(200, 0, ""))
    assert shown["cut"] == ["chats"]
    assert [c["chat_id"] for c in shown["chats"] if "system_prompt" in c["ai_context"]] == ["c3"]
    assert all(c["ai_context"]["model"] == "m" for c in shown["chats"])
    assert len(orjson.dumps(shown["chats"])) <= CHATS_BYTES


def test_of_many_long_plans_the_newest_stay_in_short() -> None:
    shown = bounded(snapshot(1, 200, "é" * 4000))
    assert shown["cut"] == ["plans"]
    assert shown["plans"][-1]["seq"] == 199
    assert len(orjson.dumps(shown["plans"])) <= PLANS_BYTES
