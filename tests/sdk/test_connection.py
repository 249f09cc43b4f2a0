"""Connecting, tokens and heartbeats, as the official SDKs do them."""

import asyncio

from shared import auth, ids
from tests.sdk.client import SdkClient
from tests.sdk.conftest import Person, url
from tests.support.eventually import eventually
from tests.support.services import SECRET
from tests.support.system import System


async def test_a_token_opens_a_connection(one_system: System, client: SdkClient) -> None:
    user = f"ada-{ids.uuid7()}"
    connected = await client.connected(url=url(one_system, 1), token=one_system.token(user))
    assert connected["client"]
    assert connected["data"]["user"] == user


async def test_a_wrong_token_ends_the_client_for_good(one_system: System, client: SdkClient) -> None:
    await client.do("open", url=url(one_system, 1), token=auth.mint("not the secret of this system at all", "mallory"))
    assert (await client.event("disconnected"))["code"] == 3500
    assert not client.seen("connected")


async def test_an_expired_token_is_renewed_before_the_connection_stands(one_system: System, client: SdkClient) -> None:
    user = f"ada-{ids.uuid7()}"
    fresh = one_system.token(user)
    await client.connected(url=url(one_system, 1), token=auth.mint(SECRET, user, ttl_s=-60), tokens=[fresh])
    assert client.seen("token_wanted")


async def test_a_token_is_refreshed_in_place_before_it_ends(one_system: System, client: SdkClient) -> None:
    user = f"ada-{ids.uuid7()}"
    short, fresh = auth.mint(SECRET, user, ttl_s=2), one_system.token(user)
    await client.connected(url=url(one_system, 1), token=short, tokens=[fresh])
    await client.event("token_wanted")
    assert await client.write("session.create", title="after the refresh")
    assert len(client.seen("connecting")) == 1, "the connection was kept"


async def test_pings_keep_an_idle_connection_alive(one_system: System, client: SdkClient) -> None:
    token = one_system.token(f"ada-{ids.uuid7()}")
    await client.connected(url=url(one_system, 1), token=token, ping_delay_ms=1000)
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + 4  # a ping a second: without them the SDK would give up after two
    await eventually(lambda: loop.time() > ends_at)
    assert len(client.seen("connecting")) == 1
    assert not client.seen("disconnected")


async def test_presence_knows_who_is_there(ada: Person) -> None:
    channel = f"session:{ada.session_id}"

    async def present() -> bool:
        return ada.user in await ada.client.do("presence", channel=channel)

    await eventually(present)
    assert (await ada.client.do("presence_stats", channel=channel))["num_users"] == 1
