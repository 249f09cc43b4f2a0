"""Sessions put away, deleted and brought back: what is refused, what is listed, on both gateways."""

from typing import Any

import httpx
import pytest

from shared import ids
from tests.support.client import Client, ReplyError
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, read_models, talking, token


async def move(client: Client, how: str, session_id: str) -> Any:
    return await client.rpc(f"session.{how}", id=ids.uuid7(), session_id=session_id)


async def test_a_deleted_session_takes_nothing_until_it_is_restored(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "bob", "eve") as (ada, bob, eve):
        session_id = await new_session(ada, bob)
        invited = await ada.rpc("session.invite", id=ids.uuid7(), session_id=session_id)
        with pytest.raises(ReplyError, match="103"):
            await move(bob, "delete", session_id)
        deletion = {"id": ids.uuid7(), "session_id": session_id}
        first = await ada.rpc("session.delete", **deletion)
        async with talking(two[1:], "ada") as (elsewhere,):
            assert await elsewhere.rpc("session.delete", **deletion) == {**first, "duplicate": True}
        for one in (ada, bob):
            with pytest.raises(ReplyError, match="410"):
                await one.send_message(session_id, "anybody?")
            for how in ("delete", "archive"):
                with pytest.raises(ReplyError, match="410"):
                    await move(one, how, session_id)
            with pytest.raises(ReplyError, match="410"):
                await one.rpc("typing", session_id=session_id)
        with pytest.raises(ReplyError, match="410"):
            await eve.rpc("session.join", id=ids.uuid7(), invite=invited["invite"])
        with pytest.raises(ReplyError, match="404"):
            await eve.send_message(session_id, "what is here?")
        snapshot = await bob.call("subscribe", channel=f"session:{session_id}")
        assert snapshot["data"]["session"]["deleted_at"] is not None
        with pytest.raises(ReplyError, match="103"):
            await move(bob, "restore", session_id)
        await move(ada, "restore", session_id)
        assert (await bob.event())["data"]["type"] == "session.restored.v1"
        await bob.send_message(session_id, "there you are")
        with pytest.raises(ReplyError, match="422"):
            await move(ada, "restore", session_id)


async def test_lists_hide_what_was_put_away_or_deleted(nats_url: str, database_url: str) -> None:
    async with read_models(nats_url, database_url) as two, talking(two, "ada", "ada") as (ada, elsewhere):
        kept, away, gone = [await new_session(ada) for _ in range(3)]
        await move(ada, "archive", away)
        await move(elsewhere, "delete", gone)
        with pytest.raises(ReplyError, match="422"):
            await move(elsewhere, "archive", away)

        async def listed(**how: Any) -> list[str]:
            sessions = (await elsewhere.rpc("session.list", **how))["sessions"]
            return [one["session_id"] for one in sessions]

        async def is_listed(expected: list[str]) -> bool:
            return await listed() == expected

        async def is_settled() -> bool:  # each of the two lists alone looks like this on the way, too
            return (await listed(), await listed(include_archived=True)) == ([kept], [away, kept])

        await eventually(is_settled)
        key = ids.uuid7()
        headers = {"Authorization": f"Bearer {token('ada')}", "Idempotency-Key": key}
        async with httpx.AsyncClient(base_url=two[0].address, headers=headers) as http:
            answers = [await http.post(f"/api/sessions/{away}/unarchive") for _ in range(2)]
            assert [answer.json()["duplicate"] for answer in answers] == [False, True]
            headers = {"Idempotency-Key": ids.uuid7()}
            assert (await http.post(f"/api/sessions/{gone}/restore", headers=headers)).status_code == 200
            await eventually(lambda: is_listed([gone, away, kept]))
            headers = {"Idempotency-Key": ids.uuid7()}
            assert (await http.delete(f"/api/sessions/{gone}", headers=headers)).status_code == 200
            headers = {"Idempotency-Key": ids.uuid7()}
            assert (await http.delete(f"/api/sessions/{gone}", headers=headers)).status_code == 410
            headers = {"Idempotency-Key": ids.uuid7()}
            assert (await http.post(f"/api/sessions/{kept}/archive", headers=headers)).status_code == 200
            await eventually(lambda: is_listed([away]))
            answer = await http.get("/api/sessions", params={"include_archived": True})
            assert [one["session_id"] for one in answer.json()["sessions"]] == [kept, away]
