"""The feed on a real server whose live copies are lost, whose replicas lag, or whose stream is not what it was."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from services.gateway import measures
from shared import errors, ids, subjects
from shared.bus import streams
from shared.bus.direct import Stored
from shared.session.commands import CreateSession
from tests.support.eventually import eventually
from tests.support.feeds import ANN, BOB, Client, flood, gateway


async def test_lost_live_copies_are_read_again(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three live copies never come: what happens when a leader dies, or this process is too slow."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        client = Client()
        await client.join(b, created.session_id)
        feed = client.joined.feed  # type: ignore[union-attr]
        take = feed.chain.live

        def lossy(copy: Any) -> Any:
            return take(copy) if copy.seq % 3 == 0 else []

        monkeypatch.setattr(feed.chain, "live", lossy)
        before = measures.REPAIRS.labels("gap")._value.get()
        await flood(a.bus, created.session_id, str(created.chat_id), 500)
        stored = await a.stored(created.session_id)
        await eventually(lambda: client.has_all(stored))  # the last one by the sweep, which has no successor to show it
        assert measures.REPAIRS.labels("gap")._value.get() > before


async def test_a_replica_that_lags_makes_no_hole(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        await flood(a.bus, created.session_id, str(created.chat_id), 50)
        read, answers = b.reader.after, 0

        async def lagging(*arguments: Any) -> list[Stored]:
            nonlocal answers
            answers += 1
            return [] if answers % 2 else (await read(*arguments))[:7]

        monkeypatch.setattr(b.reader, "after", lagging)
        client = Client(epoch="epoch-1", at=created.seq)
        await client.join(b, created.session_id, recover=True)
        assert client.joined is not None
        assert client.joined.recovered
        assert client.seen == (await a.stored(created.session_id))[1:]


async def test_another_log_under_the_same_name_is_noticed(nats_url: str) -> None:
    async with gateway(nats_url) as a:
        created = await a.created()
        await a.send(created.session_id, "one")
        client = Client()
        await client.join(a, created.session_id)
        await a.bus.js.delete_stream(subjects.EVENTS)
        await streams.ensure(a.bus.js, streams.events_config("epoch-2"))
        await eventually(lambda: client.was_insufficient)
        assert a.sessions.epoch == "epoch-2"
        with pytest.raises(errors.NotFound):
            await client.join(a, created.session_id, recover=True)


def log_of(whole: list[Stored], at: int) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Answers as history does that has these events of a session and is at `at`."""

    async def read(owner: str, name: str, request: dict[str, Any], *_: Any) -> dict[str, Any]:
        if (owner, name) != ("history", "read"):
            raise errors.Unavailable
        of = [each for each in whole if each.subject == subjects.event(request["session_id"])]
        rows = [each for each in of if each.seq > request["after"]]
        page = [{"seq": each.seq, "body": orjson.loads(each.body)} for each in rows[:7]]
        return {"events": page, "next": rows[6].seq if len(rows) > 7 else None, "at": at}

    return read


async def test_a_session_that_began_after_what_was_trimmed_needs_no_log(nats_url: str) -> None:
    """There is no history here to ask."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        await a.created()
        created = await a.created()
        sent = [await a.send(created.session_id, f"m{number}") for number in range(3)]
        await a.bus.js.purge_stream(subjects.EVENTS, seq=created.seq)
        client = Client(epoch="epoch-1", at=created.seq)
        await client.join(b, created.session_id, recover=True)
        assert client.joined is not None
        assert client.joined.recovered
        assert client.seen == [each.seq for each in sent]


async def test_what_comes_while_a_trimmed_session_is_opened_hides_nothing_before_it(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its copy says that there is nothing before it, for in the stream there is nothing any more."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created, other = await a.created(), await a.created()
        await a.send(created.session_id, "long ago")
        whole = await a.reader.after(subjects.EVENTS, subjects.event(created.session_id), 0)
        last = await a.send(other.session_id, "elsewhere")
        for where in (a, b):
            monkeypatch.setattr(where.sessions.queries, "ask", log_of(whole, last.seq))
        await a.bus.js.purge_stream(subjects.EVENTS, seq=last.seq)
        read = b.reader.after

        async def late(*arguments: Any) -> list[Stored]:
            if len(await a.stored(created.session_id)) == 0:
                await a.send(created.session_id, "meanwhile")
            return await read(*arguments)

        monkeypatch.setattr(b.reader, "after", late)
        client = Client()
        snapshot = await client.join(b, created.session_id)
        assert [row["content"] for row in snapshot["messages"]] == ["long ago", "meanwhile"]


async def test_a_session_whose_beginning_was_trimmed_is_still_whole(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream forgets its old part; history has it. Resume, strict commands and uniqueness work on."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b", linger_s=0.05) as b:
        created, other = await a.created(), await a.created()
        sent = [await a.send(created.session_id, f"m{number}") for number in range(20)]
        whole = await a.reader.after(subjects.EVENTS, subjects.event(created.session_id), 0)
        last = await a.send(other.session_id, "elsewhere")
        client = Client(epoch="epoch-1", at=sent[3].seq)
        for where in (a, b):
            monkeypatch.setattr(where.sessions.queries, "ask", log_of(whole, last.seq))
        await a.bus.js.purge_stream(subjects.EVENTS, seq=last.seq)
        await client.join(b, created.session_id, recover=True)
        assert client.joined is not None
        assert client.joined.recovered
        assert client.seen == [each.seq for each in sent[4:]]
        with pytest.raises(errors.Conflict):
            await b.commands.execute(CreateSession(id=ids.uuid7(), session_id=created.session_id), ANN)
        await b.joined_by(created.session_id, BOB)
        await a.send(created.session_id, "hello", BOB)
        late = Client()
        snapshot = await late.join(b, created.session_id)
        assert [row["content"] for row in snapshot["messages"]] == [f"m{number}" for number in range(20)] + ["hello"]
        await a.send(created.session_id, "again")
        expected = [each.seq for each in sent[4:]] + await a.stored(created.session_id)
        await eventually(lambda: client.seen == expected)


async def test_what_this_process_was_too_slow_for_is_read_again(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client library drops what it can't hold and says so; nothing else would show that the last copy is gone."""
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        client = Client()
        await client.join(b, created.session_id)
        assert client.joined is not None
        feed = client.joined.feed
        with monkeypatch.context() as patch:
            patch.setattr(feed.chain, "live", lambda copy: [])
            sent = await a.send(created.session_id, "unheard")
            for hook in b.bus.on_slow_consumer:
                hook(feed.subscriptions[0])
            await eventually(lambda: client.seen == [sent.seq], 2)
