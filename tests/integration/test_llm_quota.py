"""What a user may have in a day, with the projector's own count."""

from tests.support.gateways import new_session, read_models, talking
from tests.support.services import running


async def test_of_many_replies_asked_for_at_once_as_many_are_given_as_a_day_has(
    nats_url: str, database_url: str
) -> None:
    settings = {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_REPLIES_PER_DAY": "2", "ANTIPHON_OFFLINE_WORD_MS": "1"}
    async with (
        read_models(nats_url, database_url, 1) as at,
        running("llm", settings),
        running("llm", settings, "llm-2"),
        talking(at, "ann", "bob") as (ann, bob),
    ):
        session_id = await new_session(ann, bob)
        await ann.call("subscribe", channel=f"session:{session_id}")
        asked = [(await ann.send_message(session_id, f"Question {n}", reply=True))["reply_id"] for n in range(4)]
        asked.append((await bob.send_message(session_id, "And mine?", reply=True))["reply_id"])
        ends: dict[str, str] = {}
        while len(ends) < 5:
            data = (await ann.event())["data"]
            if data["type"] in {"reply.completed.v1", "reply.failed.v1"}:
                ends[data["data"]["reply_id"]] = data["data"].get("reason") or data["data"]["finish_reason"]
        assert [ends[reply_id] for reply_id in asked] == ["stop", "stop", "quota_exceeded", "quota_exceeded", "stop"]
