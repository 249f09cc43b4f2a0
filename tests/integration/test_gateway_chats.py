"""Chats named, chosen and configured: the same on both gateways, in rows and in snapshots from events."""

from typing import Any

import httpx
import pytest

from shared import ids
from shared.bus.connection import connect
from shared.bus.query import QueryClient
from tests.support.client import Client, ReplyError
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, read_models, talking, token

PIRATE = {"system_prompt": "Answer like a pirate.", "temperature": 0.2}


async def write(client: Client, method: str, session_id: str, **data: Any) -> Any:
    return await client.rpc(method, **{"id": ids.uuid7(), "session_id": session_id, **data})


async def test_the_active_chat_moves_for_everybody(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "bob", "eve") as (ada, bob, eve):
        session_id = await new_session(ada, bob)
        chat_id = (await write(ada, "chat.create", session_id, name="Plans"))["chat_id"]
        for chat in ("elsewhere", ids.uuid7()):
            with pytest.raises(ReplyError, match="404"):
                await write(bob, "chat.activate", session_id, chat_id=chat)
        with pytest.raises(ReplyError, match="404"):
            await write(eve, "chat.activate", session_id, chat_id=chat_id)
        activation = {"id": ids.uuid7(), "chat_id": chat_id}
        first = await write(bob, "chat.activate", session_id, **activation)
        assert await write(bob, "chat.activate", session_id, **activation) == {**first, "duplicate": True}
        assert (await bob.send_message(session_id, "here"))["chat_id"] == chat_id
        await write(bob, "chat.rename", session_id, chat_id=chat_id, name="Better plans")
        await write(ada, "chat.configure", session_id, chat_id=chat_id, ai_context=PIRATE)
        shown = (await ada.call("subscribe", channel=f"session:{session_id}"))["data"]
        assert shown["active_chat"] == chat_id
        assert [(chat["name"], chat["ai_context"]) for chat in shown["chats"]] == [
            ("Main Chat", {}),
            ("Better plans", PIRATE),
        ]
        assert [message["content"] for message in shown["messages"]] == ["here"]


async def test_settings_are_checked_and_an_id_is_used_once(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "ada") as (ada, elsewhere):
        session_id = await new_session(ada)
        for wrong in ({"temperature": 3}, {"model": ""}, {"system_prompt": "x" * 16_385}, "nothing"):
            with pytest.raises(ReplyError, match="107"):
                await write(ada, "session.configure", session_id, ai_context=wrong)
        key = ids.uuid7()
        first = await write(ada, "session.configure", session_id, id=key, ai_context=PIRATE)
        again = await write(elsewhere, "session.configure", session_id, id=key, ai_context=PIRATE)
        assert again == {**first, "duplicate": True}
        with pytest.raises(ReplyError, match="409"):
            await write(elsewhere, "session.configure", session_id, id=key, ai_context={"temperature": 1})


async def test_rows_and_the_models_context_have_the_settings(nats_url: str, database_url: str) -> None:
    async with read_models(nats_url, database_url) as two, talking(two, "ada") as (ada,):
        session_id = await new_session(ada)
        chat_id = (await write(ada, "chat.create", session_id, name="Plans"))["chat_id"]
        await write(ada, "session.configure", session_id, ai_context={"temperature": 1, "system_prompt": "Be brief."})
        last = await write(ada, "chat.configure", session_id, chat_id=chat_id, ai_context={"temperature": 0.5})
        async with connect(nats_url, "test") as bus:
            question = {"session_id": session_id, "chat_id": chat_id, "min_seq": last["seq"]}
            context = await QueryClient(bus).ask("projector", "context", question)
        assert context["ai_context"] == {"temperature": 0.5, "system_prompt": "Be brief."}
        headers = {"Authorization": f"Bearer {token('ada')}", "Idempotency-Key": ids.uuid7()}
        async with httpx.AsyncClient(base_url=two[1].address, headers=headers) as http:
            path = f"/api/sessions/{session_id}"
            switched = await http.post(f"{path}/switch-chat", json={"chat_id": chat_id})
            assert switched.status_code == 200
            assert (await http.get(f"{path}/active-chat")).json()["chat_id"] == chat_id

            async def shown() -> bool:
                answer = await http.get(path)
                assert answer.status_code == 200, answer.text
                snapshot = answer.json()
                assert snapshot["degraded"] == []
                return bool(snapshot["active_chat"] == chat_id and snapshot["chats"][1]["ai_context"])

            await eventually(shown)
