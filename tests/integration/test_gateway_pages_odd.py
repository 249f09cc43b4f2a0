"""Pages of a session whose events are not what most are: erased, very large, or made by a stranger."""

from typing import Any

import orjson
import pytest

from services.gateway.pages import _before, _from
from shared import errors, ids, subjects
from shared.events.remains import remains
from shared.session.commands import CreateChat, EditMessage, SubmitOperation
from tests.integration.test_gateway_erased import erase
from tests.support.feeds import ANN, Client, flood, gateway, message


async def test_what_is_left_of_an_erased_event_is_in_pages_both_ways(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        session_id = created.session_id
        chat = await a.commands.execute(CreateChat(id=ids.uuid7(), session_id=session_id, name="secret"), ANN)
        inside = await a.send(session_id, "in it", chat_id=chat.chat_id)
        await flood(a.bus, session_id, str(created.chat_id), 300)
        log = await a.reader.after(subjects.EVENTS, subjects.event(session_id), 0)

        async def read(_owner: str, _name: str, request: dict[str, Any], *_: Any) -> dict[str, Any]:
            rows: list[dict[str, Any]] = []
            for one in (one for one in log if one.seq > request["after"]):
                body = orjson.loads(one.body)
                rows.append({"seq": one.seq} | ({"remains": remains(body)} if one.seq == chat.seq else {"body": body}))
            return {"events": rows[:7], "next": rows[6]["seq"] if len(rows) > 7 else None, "at": log[-1].seq}

        monkeypatch.setattr(b.sessions.queries, "ask", read)
        await erase(a.bus, session_id, {chat.seq: log[1].body})
        await flood(a.bus, session_id, str(created.chat_id), 1000)
        async with b.sessions.open(session_id) as feed:
            feed.fold.be_generous(False)
            assert feed.fold.recent_after(0) is None
            page = await feed.events_after(0, 5, 512 * 1024)
            assert page is not None
            assert [seq for seq, _ in page.events] == [one.seq for one in log[:5]]
            assert b"secret" not in page.events[1][1]
            back, _ = await _before(feed, inside.seq + 1, 20)
            assert [orjson.loads(one)["offset"] for one in back] == [inside.seq, chat.seq, created.seq]


async def test_one_event_larger_than_a_page_is_a_page(nats_url: str) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        body = message(created.session_id, str(created.chat_id), "я" * 262_144)
        large = await a.bus.js.publish(subjects.event(created.session_id), body)
        await a.send(created.session_id, "after")
        async with b.sessions.open(created.session_id) as feed:
            found, more = await _from(feed, created.seq, 100)
            assert ([orjson.loads(one)["offset"] for one in found], more) == ([large.seq], True)


async def test_a_strangers_event_breaks_no_page(nats_url: str) -> None:
    async with gateway(nats_url) as a, gateway(nats_url, "gateway/b") as b:
        created = await a.created()
        pretty = orjson.loads(message(created.session_id, str(created.chat_id), "pretty"))
        for body in (orjson.dumps(pretty, option=orjson.OPT_INDENT_2), b"no json"):
            await a.bus.js.publish(subjects.event(created.session_id), body)
        await flood(a.bus, created.session_id, str(created.chat_id), 300)
        async with b.sessions.open(created.session_id) as feed:
            feed.fold.be_generous(False)
            page = await feed.events_after(created.seq, 2, 512 * 1024)
            assert page is not None
            assert [orjson.loads(one)["data"] for _, one in page.events] == [pretty, {"malformed": True}]
            assert not any(b"\n" in one for _, one in page.events)


async def test_what_was_before_a_very_large_event_is_still_there(nats_url: str) -> None:
    """It alone fills what a gateway remembers; for what was before it the projector is asked, which is away here."""
    async with gateway(nats_url) as a:
        created = await a.created()
        session_id = created.session_id
        client = Client()
        await client.join(a, session_id)
        said = await a.send(session_id, "hello")
        operation = {"session_id": session_id, "kind": "set", "target": "doc", "payload": {"a": 1}, "expected_seq": 0}
        await a.commands.execute(SubmitOperation(id=ids.uuid7(), **operation), ANN)
        body = message(session_id, str(created.chat_id), "я" * 262_144)
        large = await a.bus.js.publish(subjects.event(session_id), body)
        assert client.joined is not None
        client.joined.feed.fold.be_generous(False)
        await client.joined.feed.reach(large.seq)
        for command in (
            EditMessage(id=ids.uuid7(), session_id=session_id, message_id=said.id, content="hello again"),
            SubmitOperation(id=ids.uuid7(), **operation),
        ):
            with pytest.raises(errors.Unavailable):
                await a.commands.execute(command, ANN)
