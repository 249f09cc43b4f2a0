"""The promise of the whole system: any gateway serves the same ordered stream, whatever dies while people talk."""

from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.talk import Talk, logged, socket_of, talking
from tests.sdk.client import SdkClient, sdk, types
from tests.support.eventually import eventually
from tests.support.system import System, whole_system

PROCESSES = ("gateway-1", "gateway-2", "history-1", "projector-1", "llm-1", "nats", "postgres")


def deltas(person: SdkClient, reply_id: str) -> list[dict[str, object]]:
    return [e["data"] for e in person.seen("publication", offset=0) if e["data"].get("reply_id") == reply_id]


async def in_the_log_once(talk: Talk) -> None:
    rows = await logged(talk.system.data_dir, max(talk.acknowledged.values()))
    assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1)), "dense from the first event"
    counted = Counter(event_id for _, event_id in rows)
    assert {event_id for event_id in talk.acknowledged if counted[event_id] != 1} == set()
    assert talk.acknowledged.items() <= {event_id: seq for seq, event_id in rows}.items()


async def a_reply_on_both(talk: Talk) -> None:
    """Both saw a reply growing, and its end with the whole text and its usage."""
    asked = await talk.say(talk.js, "Who are you?", reply=True)
    reply_id = asked["reply_id"]
    for person in (talk.js, talk.py):

        def end(person: SdkClient = person) -> list[dict[str, object]]:
            return [p for p in person.durable("reply.") if p["data"]["data"]["reply_id"] == reply_id]

        await eventually(lambda end=end: types(end())[-1:] == ["reply.completed"], 60)
        completed = end()[-1]["data"]["data"]
        grown = deltas(person, reply_id)
        assert grown, "seen growing"
        text = "".join(chunk["text"] for chunk in grown if chunk["attempt"] == completed["attempt"])
        assert text == completed["content"]
        assert completed["usage"]["output_tokens"] > 0
        assert completed["usage"]["input_tokens"] > 0


async def test_two_sdks_on_two_gateways_share_one_stream(system: System) -> None:
    async with talking(system) as talk:
        for turn in range(10):
            await talk.say(talk.js, f"js {turn}")
            await talk.say(talk.py, f"py {turn}")
        await a_reply_on_both(talk)
        publications = await talk.in_step()
        assert types(publications).count("message.posted") == 21
        await in_the_log_once(talk)


@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_whatever_dies(data_dir: Path) -> None:
    async with whole_system(data_dir) as system, talking(system) as talk:
        async with talk.chatter():
            await talk.more(20)
            for name in PROCESSES:
                pid = system.kill(name)
                await system.back(name, pid)
                await talk.more(20)
        await talk.in_step()
        await in_the_log_once(talk)
        await a_reply_on_both(talk)
        assert system.stop() == 0

    async with whole_system(data_dir) as again, sdk("js") as late:
        talk.system = again
        await in_the_log_once(talk)
        await late.connected(url=socket_of(again, 2), token=again.token("bob"))
        snapshot = (await late.subscribed(talk.session_id))["data"]
        assert snapshot["messages"][-1]["role"] == "assistant"
        assert {m["id"] for m in snapshot["messages"][:-1]} <= set(talk.acknowledged)
        listed = await late.rpc("session.list")
        assert [s["session_id"] for s in listed["sessions"]] == [talk.session_id]
