"""Everything of one user, and nothing that was said to others."""

from typing import Any

from services.ops.personal import Mine


def row(event: str, actor: str, **data: Any) -> dict[str, Any]:
    return {"type": f"{event}.v1", "actor": actor, "body": {"data": data}}


def test_answers_belong_to_who_asked_and_not_to_who_stopped_them() -> None:
    ada, bob = Mine("ada"), Mine("bob")
    log = [
        row("message.posted", "ada", reply_id="r1"),
        row("reply.cancel_requested", "bob", reply_id="r1"),
        row("reply.completed", "svc/llm", reply_id="r1", content="to ada"),
        row("participant.removed", "ada", user="bob"),
        row("message.posted", "ada") | {"duplicate_of": 1},
    ]
    assert [ada.take(one) for one in log] == [True, True, True, True, False]
    assert [bob.take(one) for one in log] == [False, True, False, True, False]
