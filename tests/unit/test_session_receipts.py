"""Receipts: forward only, and not beyond what is there; and many small steps are few events."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.coalescing import Answer, Coalesced
from shared import errors, ids
from shared.session.commands import JoinSession, LeaveSession, SendMessage
from shared.session.decided import Decided
from shared.session.receipts import ReadUpTo
from tests.unit.test_session import ADA, BOB, EVE, invite, opened


@given(st.lists(st.integers(1, 8), max_size=10))
def test_a_receipt_only_moves_forward(steps: list[int]) -> None:
    world = opened()
    for _ in range(3):
        world.do(SendMessage, ADA, content="x")
    for step in steps:
        before, head = world.state.receipts.get("ada", 0), world.state.seq
        outcome = world.do(ReadUpTo, ADA, up_to_seq=step)
        assert isinstance(outcome, Decided) == (before < step <= head)
        assert world.state.receipts.get("ada", 0) == (step if isinstance(outcome, Decided) else before)


def test_a_viewer_may_say_so_and_who_leaves_takes_it_along() -> None:
    world = opened()
    world.do(JoinSession, BOB, invite_id=invite(world, role="viewer"))
    assert isinstance(world.do(ReadUpTo, EVE, up_to_seq=1), errors.NotFound)
    assert isinstance(world.do(ReadUpTo, BOB, up_to_seq=2), Decided)
    assert world.state.receipts == {"bob": 2}
    world.do(LeaveSession, BOB)
    assert world.state.receipts == {}


async def test_those_who_wait_together_get_the_answer_of_the_furthest() -> None:
    coalesced, recorded = Coalesced(), list[int]()

    async def record(command: ReadUpTo) -> Answer:
        recorded.append(command.up_to_seq)
        return {"up_to_seq": command.up_to_seq}

    async def take(seq: int) -> Answer:
        command = ReadUpTo(id=ids.uuid7(), session_id="s1", up_to_seq=seq)
        return await coalesced.take(("s1", "ada"), command, record)

    assert await take(1) == {"up_to_seq": 1}
    answers = await asyncio.gather(*(take(seq) for seq in (2, 5, 3)))
    assert answers == [{"up_to_seq": 5}] * 3
    assert recorded == [1, 5]
