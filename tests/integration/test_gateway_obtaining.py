"""Getting or creating, by many at once on two gateways: one is made, and everybody gets it."""

import asyncio

import pytest

from shared import ids
from tests.support.client import ReplyError
from tests.support.gateways import gateways, new_session, talking


async def test_all_who_ask_at_once_get_the_same_session(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "ada", "bob") as (ada, elsewhere, bob):
        asked = [one.rpc("session.get_or_create", id=ids.uuid7(), key="room 7") for one in (ada, elsewhere) * 10]
        answers = await asyncio.gather(*asked)
        assert len({(answer["session_id"], answer["chat_id"]) for answer in answers}) == 1
        assert sum(answer["created"] for answer in answers) == 1
        session_id = answers[0]["session_id"]
        history = await ada.call("history", channel=f"session:{session_id}", limit=-1)
        assert [event["data"]["type"] for event in history["publications"]] == ["session.created.v1"]
        others = await bob.rpc("session.get_or_create", id=ids.uuid7(), key="room 7")
        second = await ada.rpc("session.get_or_create", id=ids.uuid7(), key="room 8")
        assert len({session_id, others["session_id"], second["session_id"]}) == 3
        with pytest.raises(ReplyError, match="107"):  # nobody takes another's place
            await bob.rpc("session.create", id=ids.uuid7(), session_id=session_id)


async def test_a_call_sent_again_is_answered_as_before(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "ada") as (ada, elsewhere):
        call = {"id": ids.uuid7(), "key": "room 7", "title": "Seven"}
        first = await ada.rpc("session.get_or_create", **call)
        again = await elsewhere.rpc("session.get_or_create", **call)
        assert again == {**first, "duplicate": True, "created": False}
        with pytest.raises(ReplyError, match="409"):
            await elsewhere.rpc("session.get_or_create", **{**call, "title": "Eight"})
        await ada.rpc("session.delete", id=ids.uuid7(), session_id=first["session_id"])
        with pytest.raises(ReplyError, match="410"):
            await ada.rpc("session.get_or_create", id=ids.uuid7(), key="room 7")


async def test_a_chat_that_is_unique_by_type_is_made_once(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "bob", "eve") as (ada, bob, eve):
        session_id = await new_session(ada, bob)
        wanted = {"session_id": session_id, "chat_type": "planning", "unique_type": True}
        asked = [one.rpc("chat.create", id=ids.uuid7(), **wanted) for one in (ada, bob) * 10]
        answers = await asyncio.gather(*asked)
        assert len({answer["chat_id"] for answer in answers}) == 1
        assert sum(answer["created"] for answer in answers) == 1
        for _ in range(2):  # without it, as many as one likes
            await ada.rpc("chat.create", id=ids.uuid7(), session_id=session_id, chat_type="planning")
        found = await bob.rpc("chat.create", id=ids.uuid7(), **wanted)
        assert (found["chat_id"], found["created"]) == (answers[0]["chat_id"], False)
        with pytest.raises(ReplyError, match="404"):
            await eve.rpc("chat.create", id=ids.uuid7(), **wanted)
