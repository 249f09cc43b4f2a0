"""What one user sends is stored as it was sent: a thousand at once, and whatever is lost on the way."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from services.gateway.commands import Outcome
from shared import errors, ids, subjects
from shared.bus import streams
from shared.bus.batch import Message, publish_together
from shared.session.commands import CreateSession, LeaveSession, RenameSession
from tests.support.eventually import eventually
from tests.support.feeds import ANN, BOB, Client, Gateway, gateway
from tests.support.servers import NatsServer

COUNT = 1000


@asynccontextmanager
async def two_gateways(url: str) -> AsyncIterator[tuple[Gateway, str, list[Client]]]:
    """The gateway that Ann sends on, a session of hers, and a listener on each of two gateways."""
    async with gateway(url) as a, gateway(url, "gateway/b") as b:
        session_id = (await a.created()).session_id
        clients = [Client(), Client()]
        for where, client in zip((a, b), clients, strict=True):
            await client.join(where, session_id)
        yield a, session_id, clients


def said(client: Client) -> list[str]:
    """The messages as the client got them."""
    bodies = (client.bodies[seq] for seq in client.seen)
    return [body["data"]["content"] for body in bodies if body["type"] == "message.posted.v1"]


@contextmanager
def losing(where: Gateway, commits: int, *, stored: bool) -> Iterator[None]:
    """The first `commits` batches get no acknowledgement, stored or not. Realistic: a leader dies."""
    call, lost = where.bus.client.call, 0

    async def unheard(*arguments: Any) -> tuple[bytes, bytes]:
        if stored:
            await call(*arguments)
        raise TimeoutError

    def deaf(subject: str, body: bytes, timeout_s: float, headers: dict[str, str] | None = None) -> asyncio.Future[Any]:
        nonlocal lost
        if subjects.HEADER_BATCH_COMMIT not in (headers or {}) or lost == commits:
            return call(subject, body, timeout_s, headers)
        lost += 1
        return asyncio.ensure_future(unheard(subject, body, timeout_s, headers))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where.bus.client, "call", deaf)
        yield
    assert lost == commits


async def test_a_thousand_in_flight_keep_their_order_on_both_gateways(nats_url: str) -> None:
    async with two_gateways(nats_url) as (a, session_id, clients):
        outcomes = await asyncio.gather(*(a.send(session_id, str(number)) for number in range(COUNT)))
        seqs = [outcome.seq for outcome in outcomes]
        assert seqs == sorted(set(seqs))
        assert not any(outcome.duplicate for outcome in outcomes)
        await eventually(lambda: all(client.at == seqs[-1] for client in clients))
        assert [said(client) for client in clients] == [[str(number) for number in range(COUNT)]] * 2
        headers = (await a.reader.after(subjects.EVENTS, subjects.event(session_id), seqs[-1] - 1, 1))[0].headers
        assert subjects.HEADER_BATCH_ID in headers  # or this test would not be about what it says


async def test_a_killed_server_swaps_no_two_of_a_thousand_in_flight(nats_server: NatsServer) -> None:
    async with two_gateways(nats_server.url) as (a, session_id, clients):
        accepted: dict[int, int] = {}

        async def sends(number: int) -> None:
            event_id = ids.uuid7()
            while number not in accepted:
                try:
                    accepted[number] = (await a.send(session_id, str(number), id=event_id)).seq
                except errors.Unavailable:
                    continue

        sending = [asyncio.create_task(sends(number)) for number in range(COUNT)]
        for share in (10, 3, 2):
            await eventually(lambda least=COUNT // share: len(accepted) >= least, 30)
            async with nats_server.killed():
                pass
        await asyncio.gather(*sending)
        in_order = [accepted[number] for number in range(COUNT)]
        assert in_order == sorted(set(in_order))
        await eventually(lambda: all(client.has_all(in_order) for client in clients), 30)
        assert [said(client) for client in clients] == [[str(number) for number in range(COUNT)]] * 2


@pytest.mark.parametrize("stored", [True, False])
async def test_a_batch_without_acknowledgement_is_stored_once_and_first(nats_url: str, stored: bool) -> None:
    async with two_gateways(nats_url) as (a, session_id, clients):
        with losing(a, 2, stored=stored):
            outcomes = await asyncio.gather(*(a.send(session_id, str(number)) for number in range(600)))
        assert [outcome.seq for outcome in outcomes] == list(range(outcomes[0].seq, outcomes[0].seq + 600))
        assert not any(outcome.duplicate for outcome in outcomes)
        await eventually(lambda: all(len(said(client)) == 600 for client in clients))
        assert [said(client) for client in clients] == [[str(number) for number in range(600)]] * 2


async def test_the_same_id_twice_among_many_in_flight_is_one_event(nats_url: str) -> None:
    async with two_gateways(nats_url) as (a, session_id, clients):
        event_ids = [ids.uuid7() for _ in range(50)]
        outcomes = await asyncio.gather(*(a.send(session_id, each, id=each) for each in event_ids * 2))
        assert [one.seq for one in outcomes[:50]] == [one.seq for one in outcomes[50:]]
        assert [one.duplicate for one in outcomes] == [False] * 50 + [True] * 50
        await eventually(lambda: said(clients[1]) == event_ids)
        conflicting = await asyncio.gather(
            *(a.send(session_id, "other", id=each) for each in event_ids), return_exceptions=True
        )
        assert {type(each) for each in conflicting} == {errors.Conflict}


async def test_who_leaves_has_said_everything_before_and_nothing_after(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        session_id = (await a.created()).session_id
        await a.joined_by(session_id, BOB)
        before = [asyncio.create_task(a.send(session_id, str(number), BOB)) for number in range(30)]
        renames = asyncio.create_task(
            a.commands.execute(RenameSession(id=ids.uuid7(), session_id=session_id, title="t"), BOB)
        )
        leaves = asyncio.create_task(a.commands.execute(LeaveSession(id=ids.uuid7(), session_id=session_id), BOB))
        after = [asyncio.create_task(a.send(session_id, "late", BOB)) for _ in range(30)]
        outcomes: list[Outcome] = await asyncio.gather(*before, renames, leaves)
        assert [one.seq for one in outcomes] == sorted(one.seq for one in outcomes)
        refused = await asyncio.gather(*after, return_exceptions=True)
        assert {type(each) for each in refused} == {errors.NotFound}


async def test_a_lane_without_a_bus_refuses_all_that_wait_at_once(nats_server: NatsServer) -> None:
    async with gateway(nats_server.url) as a:
        session_id = (await a.created()).session_id
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("shared.bus.publish._RETRY_PAUSES_S", (0.1,))
            nats_server.kill()
            sent = await asyncio.gather(*(a.send(session_id, "x") for _ in range(50)), return_exceptions=True)
            assert {type(each) for each in sent} == {errors.Unavailable}
        await nats_server.restart()
        outcome = await eventually(lambda: a.send(session_id, "y"), 10)
        assert not outcome.duplicate
        async with a.sessions.open(session_id) as feed:
            await feed.catch_up()


async def test_a_stream_without_batches_is_served_one_by_one(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        info = await a.bus.js.stream_info(subjects.EVENTS)
        info.config.allow_atomic = False
        await a.bus.js.update_stream(info.config)
        session_id = (await a.created()).session_id
        messages = [Message(b"{}", str(number), {}) for number in range(3)]
        assert await publish_together(a.bus.client, subjects.event(session_id), messages) is None
        seqs = [one.seq for one in await asyncio.gather(*(a.send(session_id, "x") for _ in range(100)))]
        assert seqs == sorted(set(seqs))
        assert len(await a.stored(session_id)) == 101


async def test_anns_lane_does_not_hold_bobs(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        session_id = (await a.created()).session_id
        await a.joined_by(session_id, BOB)
        anns = [asyncio.create_task(a.send(session_id, str(number), ANN)) for number in range(500)]
        await a.send(session_id, "in between", BOB)
        assert not all(one.done() for one in anns)
        await asyncio.gather(*anns)


async def test_what_waits_in_a_lane_while_the_log_is_replaced_holds_up_nobody_afterwards(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        lane = a.commands._lane(created.session_id, "ann")
        for number in range(10):
            await a.send(created.session_id, f"m{number}")
        assert lane.acked > 10
        async with lane.turn():  # a command of hers that is under way
            rename = RenameSession(id=ids.uuid7(), session_id=created.session_id, title="hers")
            waiting = asyncio.create_task(a.commands.execute(rename, ANN))
            await eventually(lambda: lane._takers > 1)
            await a.bus.js.delete_stream(subjects.EVENTS)
            await streams.ensure(a.bus.js, streams.events_config("epoch-2"))
            await eventually(lambda: a.sessions.epoch == "epoch-2")
            await a.commands.execute(CreateSession(id=ids.uuid7(), session_id=created.session_id), BOB)
        with pytest.raises(errors.Unavailable, match="history"):  # it is older than this log: there is one to ask
            await asyncio.wait_for(waiting, 4)
        rename = RenameSession(id=ids.uuid7(), session_id=created.session_id, title="his")
        assert (await asyncio.wait_for(a.commands.execute(rename, BOB), 4)).seq > 1
