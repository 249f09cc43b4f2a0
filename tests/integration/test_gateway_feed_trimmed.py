"""Sessions of which the stream has let something go: it is read from the log, and nothing is passed over."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from services.gateway.source import Source
from shared import errors, ids, subjects
from shared.bus.direct import Stored
from shared.session.commands import CreateSession
from tests.support.eventually import eventually
from tests.support.feeds import ANN, BOB, Client, gateway, message, no_handover
from tests.support.proxy import proxied


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


@pytest.fixture(autouse=True)
def by_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    no_handover(monkeypatch)


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


async def test_what_is_trimmed_while_the_log_is_read_is_not_passed_over(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created, other = await a.created(), await a.created()
        sent = [await a.send(created.session_id, f"m{number}") for number in range(6)]
        whole = await a.reader.after(subjects.EVENTS, subjects.event(created.session_id), 0)
        last = await a.send(other.session_id, "elsewhere")
        await a.bus.js.purge_stream(subjects.EVENTS, seq=sent[1].seq)
        answer, asked = log_of(whole, last.seq), 0

        async def slow(*arguments: Any) -> dict[str, Any]:
            nonlocal asked
            asked += 1
            if asked == 1:
                await a.bus.js.purge_stream(subjects.EVENTS, seq=sent[4].seq)
                await b.sessions._floor.confirm()  # for another session
            return await answer(*arguments)

        monkeypatch.setattr(b.sessions.queries, "ask", slow)
        snapshot = await Client().join(b, created.session_id)
        assert [row["content"] for row in snapshot["messages"]] == [f"m{number}" for number in range(6)]


async def test_what_was_trimmed_while_a_gateway_was_cut_off_reaches_its_listeners(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(nats_url) as a, proxied(nats_url) as (proxy, url), gateway(url, "gateway/b") as b:
        created, other = await a.created(), await a.created()
        client = Client()
        await client.join(b, created.session_id)
        assert client.joined is not None
        repair = client.joined.feed._repair
        await eventually(lambda: repair._under_way is not None and repair._under_way.done())  # the look after opening
        proxy.cut()
        await eventually(lambda: not b.bus.is_connected)
        lost = await a.send(created.session_id, "lost")
        whole = await a.reader.after(subjects.EVENTS, subjects.event(created.session_id), 0)
        last = await a.send(other.session_id, "elsewhere")
        monkeypatch.setattr(b.sessions.queries, "ask", log_of(whole, last.seq))
        await a.bus.js.purge_stream(subjects.EVENTS, seq=last.seq)
        proxy.back()
        await eventually(lambda: client.seen == [lost.seq], 20)  # no head shows it
        body = message(created.session_id, str(created.chat_id), "next")
        following = await a.bus.js.publish(subjects.event(created.session_id), body)
        await eventually(lambda: client.seen == [lost.seq, following.seq])


async def test_a_session_that_can_not_be_read_whole_is_not_opened(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created, other = await a.created(), await a.created()
        for number in range(30):
            await a.send(created.session_id, f"m{number}")
        whole = await a.reader.after(subjects.EVENTS, subjects.event(created.session_id), 0)
        last = await a.send(other.session_id, "elsewhere")
        monkeypatch.setattr(b.sessions.queries, "ask", log_of(whole, last.seq))
        monkeypatch.setattr(Source._from_history, "__defaults__", (1_000_000, 2000))
        await a.bus.js.purge_stream(subjects.EVENTS, seq=last.seq)
        with pytest.raises(errors.Unavailable, match="too large"):
            await Client().join(b, created.session_id)
