"""What the log says about a session, read by a worker that has just started and has many jobs of it."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from services.llm import ledger as ledgers
from services.llm.ledger import Ledger
from shared.bus.direct import Stored
from shared.bus.query import QueryClient
from shared.events import Recorded
from shared.session import SessionState
from tests.support.feeds import flood, gateway

EVENTS = 600
BREATH = 50
JOBS = 30


async def test_a_session_is_read_once_however_many_jobs_need_it(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        await flood(a.bus, created.session_id, str(created.chat_id), EVENTS)
        read, events = a.reader.after, 0

        async def counted(*arguments: Any) -> list[Stored]:
            nonlocal events
            found = await read(*arguments)
            events += len(found)
            return found

        monkeypatch.setattr(a.reader, "after", counted)
        ledger = Ledger(a.bus, a.reader, QueryClient(a.bus))
        states = await asyncio.gather(*(ledger.state(created.session_id) for _ in range(JOBS)))
        assert {state.seq for state in states} == {EVENTS + 1}
        assert events == EVENTS + 1


async def test_others_have_their_turn_while_a_long_session_is_folded(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        await flood(a.bus, created.session_id, str(created.chat_id), EVENTS)
        fold, folded, turns = ledgers.evolve, 0, [0]
        loop = asyncio.get_running_loop()

        def counted(state: SessionState, recorded: Recorded) -> SessionState:
            nonlocal folded
            folded += 1
            return fold(state, recorded)

        def turn() -> None:
            turns.append(folded)
            if folded <= EVENTS:
                loop.call_soon(turn)

        monkeypatch.setattr(ledgers, "evolve", counted)
        monkeypatch.setattr(ledgers, "BREATHE_EVENTS", BREATH)
        turn()
        ledger = Ledger(a.bus, a.reader, QueryClient(a.bus))
        first, second = await asyncio.gather(ledger.state(created.session_id), ledger.state(created.session_id))
        assert first == second
        assert max(after - before for before, after in pairwise(turns)) <= BREATH
