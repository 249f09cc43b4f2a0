"""A track on two gateways with the offline model: plan, discussion, hand-over, everything restarted, and the plan."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from shared import ids
from tests.support.client import Client, connected
from tests.support.eventually import eventually
from tests.support.system import System, whole_system

FAST = {"ANTIPHON_OFFLINE_WORD_MS": "0"}
TRACK = {
    "title": "Bicycle repair",
    "description": "Brakes, gears and wheels",
    "difficulty_level": "beginner",
    "estimated_duration_hours": 10,
    "user_expectations": "I want to travel far",
}


async def both(stack: AsyncExitStack, system: System) -> list[Client]:
    """Ada on each gateway."""
    addresses = [f"http://127.0.0.1:{system.port + number}" for number in range(2)]
    return [await stack.enter_async_context(connected(address, system.token("ada"))) for address in addresses]


async def seen(clients: list[Client], reply_id: str, last: str) -> list[dict[str, Any]]:
    """The durable events up to the end of the reply: the same ones, in the same order, on every gateway."""
    found = []
    for client in clients:
        events = [await client.event()]
        while (events[-1]["data"]["type"], events[-1]["data"]["data"].get("reply_id")) != (last, reply_id):
            assert not events[-1]["data"]["type"].startswith("reply.failed"), events[-1]
            events.append(await client.event())
        found.append([{"seq": event["offset"], **event["data"]} for event in events])
    assert [e["seq"] for e in found[0]] == [e["seq"] for e in found[1]]
    return found[0]


def of(events: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (one,) = [event for event in events if event["type"] == f"{kind}.v1"]
    return one


async def test_a_track_is_planned_handed_over_and_goes_on_after_everything_was_restarted(data_dir: Path) -> None:
    async with whole_system(data_dir, environment=FAST) as system, AsyncExitStack() as stack:
        clients = await both(stack, system)
        one, two = clients
        made = await one.rpc("session.create", id=ids.uuid7(), kind="track", track=TRACK)
        session_id, chat_id = made["session_id"], made["chat_id"]
        place = {"session_id": session_id, "chat_id": chat_id}
        for client in clients:
            await client.call("subscribe", channel=f"session:{session_id}", recover=True, offset=0, epoch="")
        greeting = of(await seen(clients, made["reply_id"], "reply.completed.v1"), "reply.completed")["data"]
        assert greeting["agent"] == "planner"
        assert "**Bicycle repair** (4 modules, 10 hours.)" in greeting["content"]
        assert "gears" in greeting["content"]

        words = "Please add a module on punctures."
        said = await two.rpc("message.send", id=ids.uuid7(), content=words, reply=True, **place)
        await seen(clients, said["reply_id"], "reply.completed.v1")

        asked = {"content": "Can you hand me over to the coordinator?", "reply": True}
        said = await one.rpc("message.send", id=ids.uuid7(), **asked, **place)
        events = await seen(clients, said["reply_id"], "reply.completed.v1")
        switched, ended = of(events, "agent.switched"), of(events, "reply.completed")
        assert (switched["data"]["previous"], switched["data"]["agent"]) == ("planner", "coordinator")
        assert (switched["data"]["reply_id"], switched["actor"]) == (said["reply_id"], "svc/llm")
        assert ended["data"]["agent"] == "coordinator"
        assert ended["data"]["content"].startswith("I'm handing over to the coordinator.\n\nYou wrote:")

        async def told() -> bool:
            timeline = await two.rpc("session.timeline", session_id=session_id)
            switches = [(s["from"], s["to"], s["reply_id"]) for s in timeline["switches"]]
            return switches == [("planner", "coordinator", said["reply_id"])]

        await eventually(told)
        assert system.stop() == 0

    async with whole_system(data_dir, environment=FAST) as system, AsyncExitStack() as stack:
        clients = await both(stack, system)
        for client in clients:
            snapshot = (await client.call("subscribe", channel=f"session:{session_id}"))["data"]
            assert [message["role"] for message in snapshot["messages"]] == [
                "assistant", "user", "assistant", "user", "assistant",
            ]  # fmt: skip
        await clients[0].rpc("agent.switch", id=ids.uuid7(), agent="planner", reason="The plan is due.", **place)
        asked = await clients[1].rpc("plan.finalize", id=ids.uuid7(), **place)
        plan = of(await seen(clients, asked["reply_id"], "plan.finalized.v1"), "plan.finalized")["data"]
        assert plan["agent"] == "planner"
        assert [module["title"] for module in plan["modules"]][-1] == "Punctures", "what was said before counts"
        assert sum(module["hours"] for module in plan["modules"]) == TRACK["estimated_duration_hours"]
        assert all(module["topics"] and module["description"] for module in plan["modules"])
