"""A track from its greeting to its plan over HTTP alone, on two gateways with all services behind them."""

from typing import Any

import httpx

from tests.support.eventually import eventually
from tests.support.gateways import read_models
from tests.support.services import running
from tests.support.web import problem, web, write

TRACK = {"title": "Rust in a month", "description": "From C++", "estimated_duration_hours": 40}
ENDS = ("reply.completed.v1", "reply.failed.v1", "plan.finalized.v1")


async def end_of(http: httpx.AsyncClient, session_id: str, reply_id: str) -> dict[str, Any]:
    """The event that ends a reply, once it is there: by long reads, as a client without a socket would."""
    after = 0
    while True:
        page = (await http.get(f"/api/sessions/{session_id}/events", params={"after": after, "wait_s": 20})).json()
        assert page["events"], "no end within 20 s"
        for event in page["events"]:
            after, body = event["offset"], event["data"]
            if body["type"] in ENDS and body["data"]["reply_id"] == reply_id:
                return dict(body)


async def test_a_track_goes_from_its_greeting_to_its_plan(nats_url: str, database_url: str) -> None:
    async with (
        read_models(nats_url, database_url) as two,
        running("llm", {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_MODEL": "offline", "ANTIPHON_OFFLINE_WORD_MS": "0"}),
        web(two[0], "ada", timeout_s=40) as http,
        web(two[1], "ada", timeout_s=40) as other,
        web(two[1], "olga", operator=True) as olga,
    ):
        tested = (await http.post("/api/llm/test")).json()
        assert (tested["ok"], tested["model"]) == (True, "offline")
        agents = (await other.get("/api/agents")).json()
        planner = agents["defaults"]["planning"]
        others = [agent["name"] for agent in agents["agents"] if agent["name"] != planner]

        made = (await write(http, "POST", "/api/sessions", {"kind": "track", "track": TRACK})).json()
        session_id, chat = made["session_id"], f"/api/chats/{made['chat_id']}"
        greeting = await end_of(other, session_id, made["reply_id"])
        assert (greeting["type"], greeting["data"]["agent"]) == ("reply.completed.v1", planner)
        sent = await write(other, "POST", f"{chat}/messages", {"content": "Two hours a day.", "reply": True})
        answer = await end_of(http, session_id, sent.json()["reply_id"])
        assert answer["data"]["content"]

        switch = await write(http, "POST", f"{chat}/agent", {"agent": others[0], "reason": "to see another one"})
        assert switch.status_code == 200, switch.text
        assert problem(await write(http, "POST", f"{chat}/agent", {"agent": "nobody"})) == (422, 422)
        again = await write(other, "POST", f"{chat}/replies", {"message_id": answer["data"]["reply_id"]})
        sibling = await end_of(http, session_id, again.json()["reply_id"])
        assert (sibling["data"]["parent"], sibling["data"]["agent"]) == (sent.json()["id"], others[0])

        asked = await write(other, "POST", f"{chat}/finalize")
        plan = await end_of(http, session_id, asked.json()["reply_id"])
        assert plan["type"] == "plan.finalized.v1"
        assert all(module["title"] and module["hours"] > 0 for module in plan["data"]["modules"])
        late = await write(http, "POST", f"/api/replies/{asked.json()['reply_id']}/cancel")
        assert problem(late) == (404, 404)

        stats = (await other.get(f"/api/sessions/{session_id}/stats")).json()
        assert stats["messages"]["by_role"]["assistant"] == 3
        shown = (await other.get(f"/api/sessions/{session_id}/timeline")).json()
        assert [one["to"] for one in shown["switches"]] == [others[0]]
        assert (await other.get("/api/usage?by=model")).json()["rows"][0]["key"] == "offline"

        async def told() -> bool:
            analytics = (await olga.get("/api/analytics/planning")).json()
            return bool(analytics["finalized"] == 1)

        await eventually(told)
