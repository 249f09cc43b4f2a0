"""Receipts and unread counts, on two gateways with the read models."""

import asyncio
from typing import Any

import pytest

from shared import ids
from tests.support.client import Client, ReplyError
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, read_models, talking


async def read(client: Client, session_id: str, up_to_seq: int, **more: Any) -> Any:
    data = {"id": ids.uuid7(), "session_id": session_id, "up_to_seq": up_to_seq, **more}
    return await client.rpc("receipt.read", **data)


async def test_a_burst_of_receipts_is_two_events(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "bob") as (ada, bob):
        session_id = await new_session(ada, bob)
        seqs = [(await ada.send_message(session_id, str(number)))["seq"] for number in range(5)]
        await ada.call("subscribe", channel=f"session:{session_id}")
        key = ids.uuid7()
        first = await read(bob, session_id, seqs[0], id=key)
        assert (await ada.event())["data"]["data"] == {"user": "bob", "up_to_seq": seqs[0]}
        answers = await asyncio.gather(*(read(bob, session_id, seq) for seq in seqs[1:]))
        assert {answer["up_to_seq"] for answer in answers} == {seqs[-1]}
        assert (await ada.event())["data"]["data"] == {"user": "bob", "up_to_seq": seqs[-1]}
        async with talking(two, "bob") as (elsewhere,):
            assert await read(elsewhere, session_id, seqs[0], id=key) == {**first, "duplicate": True}
            behind = await read(elsewhere, session_id, seqs[3])
            assert (behind["duplicate"], behind["up_to_seq"]) == (True, seqs[-1])
            with pytest.raises(ReplyError, match="422"):
                await read(elsewhere, session_id, 1_000_000)
            with pytest.raises(ReplyError, match="409"):
                await elsewhere.rpc("message.send", id=key, session_id=session_id, content="another thing")
        await ada.send_message(session_id, "the end")
        assert (await ada.event())["data"]["data"]["content"] == "the end"  # and no third receipt before it
        snapshot = await bob.call("subscribe", channel=f"session:{session_id}")
        assert snapshot["data"]["receipts"] == [{"user": "bob", "up_to_seq": seqs[-1]}]


async def test_a_receipt_beyond_the_end_spoils_no_other(nats_url: str) -> None:
    async with gateways(nats_url, 1) as one, talking(one, "ada", "bob", "bob") as (ada, bob, other_tab):
        session_id = await new_session(ada, bob)
        seqs = [(await ada.send_message(session_id, str(number)))["seq"] for number in range(3)]
        for seq in seqs:  # the first goes at once, the next ones wait for each other
            reads = (read(bob, session_id, seq), read(other_tab, session_id, 1_000_000))
            right, wrong = await asyncio.gather(*reads, return_exceptions=True)
            assert (right["up_to_seq"], right["duplicate"]) == (seq, False), right
            assert isinstance(wrong, ReplyError)
            assert wrong.code == 422


async def test_what_others_said_since_is_unread(nats_url: str, database_url: str) -> None:
    async with read_models(nats_url, database_url) as two, talking(two, "ada", "bob") as (ada, bob):
        session_id, older = await new_session(ada, bob), await new_session(bob)
        seqs = [(await ada.send_message(session_id, str(number)))["seq"] for number in range(3)]
        await bob.send_message(session_id, "my own")
        await bob.send_message(older, "to myself")

        async def listed(client: Client, expected: list[tuple[str, int]]) -> bool:
            sessions = (await client.rpc("session.list"))["sessions"]
            return [(one["session_id"], one["unread"]) for one in sessions] == expected

        await eventually(lambda: listed(bob, [(older, 0), (session_id, 3)]))
        await eventually(lambda: listed(ada, [(session_id, 1)]))
        await read(bob, session_id, seqs[1])
        await eventually(lambda: listed(bob, [(older, 0), (session_id, 1)]))  # reading moves no session to the top
        snapshot = await ada.call("subscribe", channel=f"session:{session_id}")
        assert snapshot["data"]["degraded"] == []
        assert snapshot["data"]["receipts"] == [{"user": "bob", "up_to_seq": seqs[1]}]
