"""Who is there: joins and leaves over all gateways, counts, and what becomes of the clients of a gateway that died."""

from typing import Any

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, talking


async def subscribed(client: Client, session_id: str, *, join_leave: bool = True) -> None:
    await client.call("subscribe", channel=f"session:{session_id}", join_leave=join_leave)


def told(client: Client) -> list[tuple[str, str]]:
    """The joins and leaves that came, each with its client, since the last call."""
    found = []
    while not client.pushes.empty():
        push: dict[str, Any] = client.pushes.get_nowait()
        found += [(kind, push[kind]["info"]["client"]) for kind in ("join", "leave") if kind in push]
    return found


async def hears(client: Client, *expected: tuple[str, str], timeout_s: float = 10.0) -> None:
    """These and no other joins and leaves come to the client, in this order."""
    found: list[tuple[str, str]] = []

    def heard() -> bool:
        found.extend(told(client))
        assert found == list(expected)[: len(found)], found
        return len(found) == len(expected)

    await eventually(heard, timeout_s)


async def is_known(client: Client, session_id: str, counts: dict[str, int]) -> bool:
    return await client.call("presence_stats", channel=f"session:{session_id}") == counts


async def test_joins_and_leaves_are_told_on_every_gateway(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "bob", "cyd") as (ada, bob, cyd):
        session_id = await new_session(ada, bob, cyd)
        names = [one.hello["client"] for one in (ada, bob, cyd)]
        await subscribed(ada, session_id)
        await eventually(lambda: is_known(bob, session_id, {"num_clients": 1, "num_users": 1}))  # it is said soon after
        await subscribed(bob, session_id)
        await hears(ada, ("join", names[1]))
        await subscribed(cyd, session_id, join_leave=False)
        for one in (ada, bob):
            await hears(one, ("join", names[2]))
        await eventually(lambda: is_known(bob, session_id, {"num_clients": 3, "num_users": 3}))
        async with talking(two[1:], "ada") as (second,):
            await subscribed(second, session_id)
            for one in (ada, bob):
                await hears(one, ("join", second.hello["client"]))
            await eventually(lambda: is_known(ada, session_id, {"num_clients": 4, "num_users": 3}))
        for one in (ada, bob):
            await hears(one, ("leave", second.hello["client"]))
        await bob.call("unsubscribe", channel=f"session:{session_id}")
        await hears(ada, ("leave", names[1]))
        await cyd.call("unsubscribe", channel=f"session:{session_id}")
        await hears(ada, ("leave", names[2]))
        assert told(bob) == [], "who has left is told no more"
        assert told(cyd) == [], "who did not ask is not told"


async def test_the_clients_of_a_killed_gateway_leave(nats_url: str) -> None:
    async with gateways(nats_url, 2) as two, talking(two, "ada", "bob") as (ada, bob):
        session_id = await new_session(ada, bob)
        await subscribed(ada, session_id)
        await subscribed(bob, session_id)
        await hears(ada, ("join", bob.hello["client"]))
        two[1].kill()
        await hears(ada, ("leave", bob.hello["client"]), timeout_s=20)
        await eventually(lambda: is_known(ada, session_id, {"num_clients": 1, "num_users": 1}))
