"""Ids of commands on a real server: a user's are one space, whichever session they are sent to."""

import asyncio

import pytest

from shared import errors, ids
from shared.session.commands import CreateSession, RenameSession, SendMessage
from tests.support.feeds import ANN, gateway


async def test_an_id_used_in_another_session_is_a_conflict_and_hinders_nothing_there(nats_url: str) -> None:
    """The log takes an id of a user once, so a second event under it would be shown by gateways and by nobody else."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        here, there = (await a.created()).session_id, (await a.created()).session_id
        event_id = ids.uuid7()
        stored = await a.send(there, "hello", id=event_id)
        told: asyncio.Queue[object] = asyncio.Queue()
        async with a.sessions.open(here):  # as long as somebody listens, what was sent last is remembered
            for _ in range(20):
                a.commands.post(SendMessage(id=event_id, session_id=here, content="x"), ANN, told.put_nowait)
            assert {type(await told.get()) for _ in range(20)} == {errors.Conflict}
            async with asyncio.timeout(2):
                await a.commands.execute(RenameSession(id=ids.uuid7(), session_id=here, title="t"), ANN)
                assert (await a.send(here, "hello")).seq > stored.seq
        for where in (a, b):
            with pytest.raises(errors.Conflict):
                await where.send(here, "hello", id=event_id)
            with pytest.raises(errors.Conflict):
                await where.commands.execute(RenameSession(id=event_id, session_id=here, title="t"), ANN)
            with pytest.raises(errors.Conflict):
                await where.commands.execute(CreateSession(id=event_id, session_id=ids.uuid7()), ANN)
            async with asyncio.timeout(2):  # nobody waits here for a position of the other session
                renamed = await where.commands.execute(RenameSession(id=ids.uuid7(), session_id=here, title="t"), ANN)
                assert (await where.send(here, "hello")).seq > renamed.seq > stored.seq
        again = await b.send(there, "hello", id=event_id)
        assert (again.seq, again.duplicate) == (stored.seq, True)
