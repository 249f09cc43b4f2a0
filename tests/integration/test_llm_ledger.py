"""What the log says about a session, read by a worker that has just started and has many jobs of it."""

import asyncio
from typing import Any

import pytest

from services.llm.ledger import Ledger
from shared.bus.direct import Stored
from shared.bus.query import QueryClient
from tests.support.feeds import flood, gateway

EVENTS = 600
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
