"""Editing and taking back messages, on two gateways, with and without the read models."""

import asyncio
from typing import Any

import pytest

from shared import ids
from tests.support.client import Client, ReplyError
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, read_models, talking


async def edit(client: Client, session_id: str, message_id: str, content: str, **more: Any) -> Any:
    given = {"id": ids.uuid7(), "session_id": session_id, "message_id": message_id, "content": content, **more}
    return await client.rpc("message.edit", **given)


async def redact(client: Client, session_id: str, message_id: str, **more: Any) -> Any:
    data = {"id": ids.uuid7(), "session_id": session_id, "message_id": message_id, **more}
    return await client.rpc("message.redact", **data)


async def test_a_message_is_edited_by_its_author_and_redacted_by_the_owner_too(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "bob") as (ada, bob):
        session_id = await new_session(ada, bob)
        said = await bob.send_message(session_id, "helo", metadata={"secret": 1})
        await ada.call("subscribe", channel=f"session:{session_id}")
        with pytest.raises(ReplyError, match="103"):
            await edit(ada, session_id, said["id"], "not mine")
        with pytest.raises(ReplyError, match="404"):
            await edit(bob, session_id, ids.uuid7(), "of nothing")
        edited = await edit(bob, session_id, said["id"], "hello")
        assert (await ada.event())["data"]["data"]["content"] == "hello"
        redacted = await redact(ada, session_id, said["id"], expected_seq=edited["seq"])
        event = (await ada.event())["data"]
        assert (event["type"], event["data"]["message_id"]) == ("message.redacted.v1", said["id"])
        with pytest.raises(ReplyError, match="410"):
            await edit(bob, session_id, said["id"], "again")
        shown = await bob.call("subscribe", channel=f"session:{session_id}")
        (message,) = shown["data"]["messages"]
        assert (message["content"], message["metadata"], message["redacted"]) == ("", {}, True)
        assert (message["seq"], message["changed_seq"]) == (said["seq"], redacted["seq"])


async def test_an_expectation_holds_or_is_a_conflict_with_the_present_seq(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "ada") as (ada, elsewhere):
        session_id = await new_session(ada)
        said = await ada.send_message(session_id, "0")
        await ada.send_message(session_id, "another, which is no change of the first")
        writers = (ada, elsewhere) * 5

        async def tries(number: int) -> bool:
            try:
                await edit(writers[number], session_id, said["id"], str(number), expected_seq=said["seq"])
            except ReplyError as error:
                return error.code != 409
            return True

        assert sum(await asyncio.gather(*(tries(number) for number in range(10)))) == 1
        last = await edit(elsewhere, session_id, said["id"], "whatever was before")
        with pytest.raises(ReplyError, match=f"seq {last['seq']}"):
            await edit(ada, session_id, said["id"], "late", expected_seq=said["seq"])


async def test_a_message_for_a_session_as_it_was_seen_is_taken_once_or_not_at_all(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "ada") as (ada, elsewhere):
        session_id = await new_session(ada)
        writers, mine = (ada, elsewhere) * 5, [ids.uuid7() for _ in range(10)]
        seen = (await ada.send_message(session_id, "the last that was seen"))["seq"]

        async def send(client: Client, content: str, **more: Any) -> Any:
            given = {"id": ids.uuid7(), "session_id": session_id, "content": content, **more}
            return await client.rpc("message.send", **given)

        async def tries(number: int) -> bool:
            try:
                await send(writers[number], str(number), id=mine[number], expected_seq=seen)
            except ReplyError as error:
                return error.code != 409
            return True

        (won,) = [number for number, taken in enumerate(await asyncio.gather(*map(tries, range(10)))) if taken]
        again = await send(writers[won - 1], str(won), id=mine[won], expected_seq=seen)
        assert again["duplicate"], "sent again it is the same message, on the other gateway too"
        on_their_way = [ada.send_message(session_id, "not waited for") for _ in range(5)]
        late = ada.send_message(session_id, "late", expected_seq=again["seq"])
        *sent, refused = await asyncio.gather(*on_their_way, late, return_exceptions=True)
        assert isinstance(refused, ReplyError)
        assert refused.code == 409
        assert f"seq {max(one['seq'] for one in sent)}" in str(refused)
        assert (await elsewhere.send_message(session_id, "next", expected_seq=sent[-1]["seq"]))["seq"] > sent[-1]["seq"]


async def test_an_edit_sent_again_is_the_same_edit(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "ada") as (ada, elsewhere):
        session_id = await new_session(ada)
        said = await ada.send_message(session_id, "one")
        for call in (edit, redact):
            key, more = ids.uuid7(), {"content": "two"} if call is edit else {}
            first = await call(ada, session_id, said["id"], id=key, **more)
            again = await call(elsewhere, session_id, said["id"], id=key, **more)
            assert again == {**first, "duplicate": True}
            with pytest.raises(ReplyError, match="409"):
                await call(elsewhere, session_id, ids.uuid7(), id=key, **more)


async def test_what_was_redacted_is_in_no_read_model(nats_url: str, database_url: str) -> None:
    async with read_models(nats_url, database_url) as two, talking(two, "ada", "ada") as (ada, elsewhere):
        session_id = await new_session(ada)
        old = await ada.send_message(session_id, "a secret", metadata={"secret": True})
        await asyncio.gather(*(ada.send_message(session_id, str(number)) for number in range(300)))
        edited = await edit(elsewhere, session_id, old["id"], "still a secret")  # too old for the gateway to know
        with pytest.raises(ReplyError, match=f"seq {edited['seq']}"):
            await redact(ada, session_id, old["id"], expected_seq=old["seq"])
        last = await ada.send_message(session_id, "the last secret")
        for one in (old, last):
            await redact(ada, session_id, one["id"])
        page = await elsewhere.rpc("chat.history", session_id=session_id, after=0, limit=1)
        assert [(m["id"], m["content"], m["redacted"]) for m in page["messages"]] == [(old["id"], "", True)]
        assert page["messages"][0]["metadata"] == {}

        async def listed() -> bool:
            (session,) = (await elsewhere.rpc("session.list"))["sessions"]
            return bool(session["last_message"]["content"] == "")

        await eventually(listed)
        snapshot = await elsewhere.call("subscribe", channel=f"session:{session_id}")
        assert snapshot["data"]["degraded"] == []
        assert "secret" not in str(snapshot["data"])
