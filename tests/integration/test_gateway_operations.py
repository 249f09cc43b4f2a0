"""Operations on shared objects: one order, and exactly one winner where a position is expected."""

import asyncio
from typing import Any

import pytest

from shared import ids
from tests.support.client import Client, ReplyError
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, read_models, talking


async def submit(client: Client, session_id: str, payload: Any, **more: Any) -> Any:
    data = {"id": ids.uuid7(), "session_id": session_id, "kind": "set", "target": "board/1", "payload": payload}
    return await client.rpc("operation.submit", **{**data, **more})


async def won(client: Client, session_id: str, number: int, expected_seq: int) -> bool:
    try:
        await submit(client, session_id, number, expected_seq=expected_seq)
    except ReplyError as error:
        return error.code != 409
    return True


async def test_of_those_who_expect_the_same_position_one_wins(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "bob", "eve") as (ada, bob, eve):
        session_id, expected = await new_session(ada, bob), 0
        await ada.call("subscribe", channel=f"session:{session_id}")
        for _ in range(3):  # the first round expects that there is no such object yet
            tries = [won((ada, bob)[number % 2], session_id, number, expected) for number in range(8)]
            assert sum(await asyncio.gather(*tries)) == 1
            event = await ada.event()
            assert event["data"]["type"] == "operation.applied.v1"
            expected = event["offset"]
            await bob.send_message(session_id, "no change of the board")
            await ada.event()
        with pytest.raises(ReplyError, match=f"seq {expected}"):
            await submit(bob, session_id, "late", expected_seq=expected - 1)
        with pytest.raises(ReplyError, match="404"):
            await submit(eve, session_id, "mine")
        for wrong in ({"payload": "x" * 16_384}, {"target": "a b"}, {"kind": ""}):
            with pytest.raises(ReplyError, match="107"):
                await submit(ada, session_id, **{"payload": None, **wrong})


async def test_without_an_expectation_the_last_writer_wins_and_a_repeat_is_none(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "ada") as (ada, elsewhere):
        session_id, key = await new_session(ada), ids.uuid7()
        payload = {"x": [1, None, 2.5], "empty": None}
        first = await submit(ada, session_id, payload, id=key)
        await submit(elsewhere, session_id, "over it")
        assert await submit(elsewhere, session_id, payload, id=key) == {**first, "duplicate": True}
        with pytest.raises(ReplyError, match="409"):
            await submit(elsewhere, session_id, {"x": 2}, id=key)


async def test_rows_have_the_last_operation_of_each_object(nats_url: str, database_url: str) -> None:
    async with read_models(nats_url, database_url) as two, talking(two, "ada", "ada") as (ada, elsewhere):
        session_id = await new_session(ada)
        old = await submit(ada, session_id, {"n": 0}, target="old")
        for number in range(3):
            last = await submit(elsewhere, session_id, {"n": number, "none": None})
        await asyncio.gather(*(ada.send_message(session_id, str(number)) for number in range(300)))
        with pytest.raises(ReplyError, match=f"seq {old['seq']}"):  # too old for the gateway to know by itself
            await submit(elsewhere, session_id, "x", target="old", expected_seq=old["seq"] + 1)

        async def listed() -> bool:
            page = await elsewhere.rpc("object.list", session_id=session_id, limit=1)
            assert [one["payload"] for one in page["objects"]] == [{"n": 2, "none": None}]
            assert page["objects"][0]["seq"] == last["seq"]
            rest = await elsewhere.rpc("object.list", session_id=session_id, cursor=page["cursor"])
            assert [(one["target"], one["seq"], one["author"]) for one in rest["objects"]] == [
                ("old", old["seq"], "ada")
            ]
            return rest["cursor"] is None

        await eventually(listed)
        await submit(ada, session_id, "y", target="old", expected_seq=old["seq"])
