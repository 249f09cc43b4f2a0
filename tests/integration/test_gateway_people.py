"""Who is in a session, decided by its owner and true at once on every gateway."""

import asyncio

import httpx
import pytest

from shared import ids
from tests.support.client import ReplyError
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, read_models, talking, token


async def test_who_is_removed_hears_nothing_more_on_any_gateway(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "bob", "bob", "eve") as (ada, bob, bobs_other, eve):
        session_id = await new_session(ada, bob, eve)
        channel = f"session:{session_id}"
        for one in (ada, bob, bobs_other, eve):
            await one.call("subscribe", channel=channel)
        with pytest.raises(ReplyError, match="103"):
            await eve.rpc("session.remove", id=ids.uuid7(), session_id=session_id, user="bob")
        removal = {"id": ids.uuid7(), "session_id": session_id, "user": "bob"}
        first = await ada.rpc("session.remove", **removal)
        async with talking(two[1:], "ada") as (elsewhere,):
            assert await elsewhere.rpc("session.remove", **removal) == {**first, "duplicate": True}
        for one in (bob, bobs_other):
            assert (await one.event())["data"]["type"] == "participant.removed.v1"
            ended = (await asyncio.wait_for(one.pushes.get(), 10))["unsubscribe"]
            assert ended["code"] == 2000
        await ada.send_message(session_id, "among us")
        assert (await eve.event())["data"]["type"] == "participant.removed.v1"
        assert (await eve.event())["data"]["data"]["content"] == "among us"
        assert bob.pushes.empty()
        for one in (bob, bobs_other):
            with pytest.raises(ReplyError, match="404"):
                await one.call("subscribe", channel=channel)
            with pytest.raises(ReplyError, match="404"):
                await one.send_message(session_id, "let me in")


async def test_a_role_counts_at_once_everywhere(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "bob") as (ada, bob):
        session_id = await new_session(ada, bob)
        await bob.send_message(session_id, "one")
        role = {"session_id": session_id, "user": "bob"}
        await ada.rpc("session.set_role", id=ids.uuid7(), role="viewer", **role)

        async def refused() -> bool:
            with pytest.raises(ReplyError, match="103"):
                await bob.send_message(session_id, "two")
            return True

        await eventually(refused)
        await ada.rpc("session.set_role", id=ids.uuid7(), role="member", **role)
        await bob.send_message(session_id, "three")  # a refusal is asked about before it is given
        with pytest.raises(ReplyError, match="422"):
            await ada.rpc("session.set_role", id=ids.uuid7(), session_id=session_id, user="ada", role="viewer")
        with pytest.raises(ReplyError, match="107"):
            await ada.rpc("session.set_role", id=ids.uuid7(), role="owner", **role)


async def test_the_rows_and_http_say_the_same(nats_url: str, database_url: str) -> None:
    async with read_models(nats_url, database_url) as two, talking(two, "ada", "bob", "a/b") as (ada, bob, odd):
        session_id = await new_session(ada, bob, odd)

        def headers(key: str = "") -> dict[str, str]:
            return {"Authorization": f"Bearer {token('ada')}", "Idempotency-Key": key or ids.uuid7()}

        path = f"/api/sessions/{session_id}/participants"
        async with httpx.AsyncClient(base_url=two[1].address) as http:
            listed = (await http.get(path, headers=headers())).json()["participants"]
            assert [(one["user"], one["role"]) for one in listed] == [
                ("ada", "owner"),
                ("bob", "member"),
                ("a/b", "member"),
            ]
            changed = await http.patch(f"{path}/bob", json={"role": "viewer"}, headers=headers())
            assert changed.status_code == 200
            key = ids.uuid7()
            answers = [await http.delete(f"{path}/a%2Fb", headers=headers(key)) for _ in range(2)]
            assert [answer.json()["duplicate"] for answer in answers] == [False, True]

            async def rows() -> bool:
                snapshot = (await http.get(f"/api/sessions/{session_id}", headers=headers())).json()
                people = [(one["user"], one["role"]) for one in snapshot["participants"]]
                return snapshot["degraded"] == [] and people == [("ada", "owner"), ("bob", "viewer")]

            await eventually(rows)

        async def unlisted() -> bool:
            return bool((await odd.rpc("session.list"))["sessions"] == [])

        await eventually(unlisted)  # the list names no position, and so may be a moment old
