"""What was erased is nowhere any more, on two gateways and behind them, and nobody stumbles over its place."""

import asyncio
from typing import Any

import asyncpg
import httpx
import orjson

from shared import ids
from shared.bus.connection import connect
from shared.bus.query import QueryClient
from tests.integration.test_history_erasure import left_in_the_stream
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.gateways import new_session, read_models, talking, token
from tests.support.services import running
from tests.support.system import antiphon

SECRET = "nightingale"


async def left_in_the_database(url: str, words: str) -> list[str]:
    """Every table of every schema that holds the words anywhere, as text, JSON or bytes."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        found: list[str] = []
        for table in tables:
            query = f"SELECT count(*) FROM {table['name']} t WHERE t::text ILIKE ANY($1::text[])"
            if await connection.fetchval(query, [f"%{words}%", f"%{words.encode().hex()}%"]):
                found.append(table["name"])
        return found
    finally:
        await connection.close()


async def snapshot(client: Client, session_id: str) -> dict[str, Any]:
    """What somebody who opens the session is shown, from the read models."""
    await client.rpc("chat.history", session_id=session_id)  # waits until they are as far as the gateway
    channel = f"session:{session_id}"
    await client.call("unsubscribe", channel=channel)
    found: dict[str, Any] = (await client.call("subscribe", channel=channel))["data"]
    return found


async def said(ada: Client, session_id: str) -> tuple[str, str]:
    """A session full of the secret, in everything that a person can put words into."""
    first = await ada.send_message(session_id, f"my {SECRET}", metadata={"bird": SECRET})
    await ada.rpc(
        "message.edit", id=ids.uuid7(), session_id=session_id, message_id=first["id"], content=f"our {SECRET}"
    )
    second = await ada.send_message(session_id, f"more {SECRET}")
    await ada.rpc("session.rename", id=ids.uuid7(), session_id=session_id, title=f"On {SECRET}s")
    chat = await ada.rpc("chat.create", id=ids.uuid7(), session_id=session_id, name=f"{SECRET} chat")
    context = {"system_prompt": f"sing like a {SECRET}", "temperature": 0.5}
    await ada.rpc("chat.configure", id=ids.uuid7(), session_id=session_id, chat_id=chat["chat_id"], ai_context=context)
    operation = {"kind": "set", "target": "board", "payload": {"bird": SECRET}}
    await ada.rpc("operation.submit", id=ids.uuid7(), session_id=session_id, **operation)
    return first["id"], second["id"]


async def test_what_was_erased_is_nowhere_and_its_place_is_kept(nats_url: str, database_url: str) -> None:
    urls = {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_DATABASE_URL": database_url}
    async with (
        read_models(nats_url, database_url) as two,
        talking(two, "ada", "bob") as (ada, bob),
        connect(nats_url, "test") as bus,
    ):
        session_id = await new_session(ada, bob)
        channel = f"session:{session_id}"
        joined = await bob.call("subscribe", channel=channel)
        first_id, _ = await said(ada, session_id)
        last = (await bob.send_message(session_id, "nothing of that kind"))["seq"]
        assert f"our {SECRET}" in str(await snapshot(ada, session_id))

        order = ("erase", "--session", session_id, "--all", "--reason", "asked for", "--by", "dpo")
        done = await asyncio.to_thread(antiphon, *order, **urls)
        assert (done.returncode, done.stdout.startswith("erased ")) == (0, True), done.stderr

        async def told() -> dict[str, Any]:
            event = await bob.event()
            return event if event["data"]["type"] == "content.erased.v1" else {}

        record = await eventually(told)
        assert (record["data"]["actor"], record["data"]["data"]["reason"]) == ("dpo", "asked for")
        assert first_id in record["data"]["data"]["message_ids"]
        assert record["offset"] == last + 1

        async def gone() -> bool:
            return not await left_in_the_database(database_url, SECRET)

        await eventually(gone)
        assert await left_in_the_stream(bus, SECRET) == []
        page = await QueryClient(bus).ask("history", "read", {"session_id": session_id})
        assert SECRET not in str(page)
        for client in (ada, bob):
            shown = await snapshot(client, session_id)
            assert SECRET not in str(shown)
            assert [message.get("erased", False) for message in shown["messages"]] == [True, True, True]
            assert shown["degraded"] == []

        async with running("gateway", urls, "gateway-3") as third, talking([third], "ada", "bob") as (late, resuming):
            for client in (bob, resuming):  # from memory, and from the stream
                await client.call("unsubscribe", channel=channel) if client is bob else None
                answer = await client.call(
                    "subscribe", channel=channel, recover=True, offset=joined["offset"], epoch=joined["epoch"]
                )
                assert answer["recovered"]
                assert SECRET not in str(answer)
                offsets = [publication["offset"] for publication in answer["publications"]]
                links = [int(publication["tags"]["prev"]) for publication in answer["publications"]]
                assert links == [joined["offset"], *offsets[:-1]]
                assert offsets[-1] == record["offset"]
            assert SECRET not in str(await snapshot(late, session_id))
            await late.rpc("session.rename", id=ids.uuid7(), session_id=session_id, title="Anew")
            again = await ada.send_message(session_id, "and on")
            assert (await snapshot(late, session_id))["at"] >= again["seq"]
            resent = {"id": first_id, "session_id": session_id, "content": f"my {SECRET}", "metadata": {"bird": SECRET}}
            answered = await late.rpc("message.send", **resent)
            assert (answered["duplicate"], answered["id"]) == (True, first_id)
            async with httpx.AsyncClient(base_url=third.address) as http:
                headers = {"Authorization": f"Bearer {token('ada')}"}
                events = await http.get(f"/api/sessions/{session_id}/events?after=0", headers=headers)
                assert events.status_code == 200
                assert SECRET not in events.text
        assert await left_in_the_database(database_url, SECRET) == []
        assert await left_in_the_stream(bus, SECRET) == []

        for command in (("verify-read-models",), ("audit", "verify")):
            checked = await asyncio.to_thread(antiphon, *command, **urls)
            assert checked.returncode == 0, checked.stdout + checked.stderr
        exported = await asyncio.to_thread(antiphon, "export", "--session", session_id, **urls)
        assert (exported.returncode, SECRET in exported.stdout) == (0, False), exported.stderr
        assert orjson.loads(exported.stdout.splitlines()[0])
