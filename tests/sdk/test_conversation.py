"""Sessions, invitations, messages and their order, through the official SDKs."""

import pytest

from shared import ids
from tests.sdk.client import Refused, SdkClient, sdk, types
from tests.sdk.conftest import Person, url
from tests.support.eventually import eventually
from tests.support.system import System


async def test_a_subscription_begins_with_a_snapshot_and_a_position(ada: Person) -> None:
    subscribed = ada.client.seen("subscribed")[0]
    assert subscribed["position"]["offset"] >= 1
    assert subscribed["position"]["epoch"]
    snapshot = subscribed["data"]
    assert snapshot["at"] == subscribed["position"]["offset"]
    assert [p["user"] for p in snapshot["participants"]] == [ada.user]
    assert len(snapshot["chats"]) == 1
    assert snapshot["messages"] == []
    assert snapshot["running"] == []


async def test_a_snapshot_and_what_follows_it_hold_what_was_said_before_once(
    one_system: System, ada: Person, kind: str
) -> None:
    sent = await ada.client.write("message.send", session_id=ada.session_id, content="said before")
    async with sdk(kind) as late:
        await late.connected(url=url(one_system, 2), token=one_system.token(ada.user))
        subscribed = await late.subscribed(ada.session_id)
        if subscribed["position"]["offset"] < sent["seq"]:  # the tables were a moment behind
            await late.got(sent["id"])
        said = [message["content"] for message in subscribed["data"]["messages"]]
        said += [publication["data"]["data"]["content"] for publication in late.durable()]
        assert said == ["said before"]


async def test_an_invited_guest_joins_and_both_see_one_order(one_system: System, ada: Person, kind: str) -> None:
    invited = await ada.client.write("session.invite", session_id=ada.session_id)
    async with sdk(kind) as bob:
        user = f"bob-{ids.uuid7()}"
        await bob.connected(url=url(one_system, 2), token=one_system.token(user, name="Bob"))
        joined = await bob.write("session.join", invite=invited["invite"])
        assert joined["session_id"] == ada.session_id
        await bob.subscribed(ada.session_id)
        for turn in range(5):
            await ada.client.write("message.send", session_id=ada.session_id, content=f"ada {turn}")
            await bob.write("message.send", session_id=ada.session_id, content=f"bob {turn}")
        last = await bob.write("message.send", session_id=ada.session_id, content="the end")
        assert (await ada.client.got(last["id"]))["offset"] == last["seq"]
        assert (await bob.got(last["id"]))["offset"] == last["seq"]
        hers, his = ([p for p in one.durable() if p["offset"] > joined["seq"]] for one in (ada.client, bob))
        assert hers == his
        assert types(his) == ["message.posted"] * 11


async def test_the_chain_of_positions_has_no_hole(ada: Person) -> None:
    start = ada.client.seen("subscribed")[0]["position"]["offset"]
    for turn in range(5):
        last = await ada.client.write("message.send", session_id=ada.session_id, content=str(turn))
    await ada.client.got(last["id"])
    chain = [start, *(p["offset"] for p in ada.client.durable())]
    assert [int(p["tags"]["prev"]) for p in ada.client.durable()] == chain[:-1]


async def test_the_same_id_is_one_message(ada: Person) -> None:
    command = {"id": ids.uuid7(), "session_id": ada.session_id, "content": "once"}
    first = await ada.client.rpc("message.send", **command)
    again = await ada.client.rpc("message.send", **command)
    assert (again["seq"], again["duplicate"]) == (first["seq"], True)
    with pytest.raises(Refused) as refused:
        await ada.client.rpc("message.send", **command | {"session_id": ada.session_id, "content": "other"})
    assert refused.value.code == 409


async def test_publishing_on_a_session_sends_a_message(ada: Person) -> None:
    channel, event_id = f"session:{ada.session_id}", ids.uuid7()
    await ada.client.do("publish", channel=channel, data={"id": event_id, "content": "published"})
    assert (await ada.client.got(event_id))["data"]["data"]["content"] == "published"
    with pytest.raises(Refused) as refused:
        await ada.client.do("publish", channel=channel, data={"content": "without an id"})
    assert refused.value.code == 103


async def test_history_reads_both_ways(ada: Person) -> None:
    channel = f"session:{ada.session_id}"
    seqs = [
        (await ada.client.write("message.send", session_id=ada.session_id, content=str(n)))["seq"] for n in range(6)
    ]
    top = await ada.client.do("history", channel=channel)
    assert (top["offset"], top["publications"]) == (seqs[-1], [])
    since = {"offset": seqs[0], "epoch": top["epoch"]}
    forward = await ada.client.do("history", channel=channel, limit=3, since=since)
    assert [p["offset"] for p in forward["publications"]] == seqs[1:4]
    backward = await ada.client.do("history", channel=channel, limit=2, reverse=True)
    assert [p["offset"] for p in backward["publications"]] == [seqs[5], seqs[4]]
    until = {"offset": seqs[3], "epoch": top["epoch"]}
    before = await ada.client.do("history", channel=channel, limit=2, reverse=True, since=until)
    assert [p["offset"] for p in before["publications"]] == [seqs[2], seqs[1]]


async def test_a_reply_streams_in_and_ends_with_its_whole_text(ada: Person) -> None:
    client = ada.client
    sent = await client.write("message.send", session_id=ada.session_id, content="Are you there?", reply=True)
    end = (await eventually(lambda: client.durable("reply.completed"), 30))[0]["data"]["data"]
    deltas = [e["data"] for e in client.seen("publication") if e["data"]["type"] == "reply.delta"]
    assert deltas, "the text was seen growing"
    assert end["reply_id"] == (await client.got(sent["id"]))["data"]["data"]["reply_id"]
    assert "".join(d["text"] for d in deltas if d["attempt"] == end["attempt"]) == end["content"]
    assert end["usage"]["output_tokens"] > 0


async def test_somebody_elses_session_does_not_exist(one_system: System, ada: Person, kind: str) -> None:
    async with sdk(kind) as eve:
        await eve.connected(url=url(one_system, 2), token=one_system.token(f"eve-{ids.uuid7()}"))
        await eve.do("subscribe", channel=f"session:{ada.session_id}")
        assert (await eve.event("unsubscribed"))["code"] == 404
        await eve.do("subscribe", channel="session:never-was")
        assert (await eve.event("unsubscribed", channel="session:never-was"))["code"] == 404
        await refused_404(eve, ada.session_id)


async def refused_404(client: SdkClient, session_id: str) -> None:
    with pytest.raises(Refused) as refused:
        await client.rpc("message.send", id=ids.uuid7(), session_id=session_id, content="hello?")
    assert (refused.value.code, refused.value.temporary) == (404, False)
