"""Whatever commands a client makes up: each is answered once, none is an internal error, nobody else notices."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from services.gateway import methods, protocol
from shared import ids
from tests.support.client import Client, connected
from tests.support.gateways import gateways, new_session, token
from tests.support.services import RealService

SESSION = ids.uuid7()
UNLIMITED = {"ANTIPHON_COMMANDS_PER_S": "0", "ANTIPHON_CONNECTIONS_PER_USER": "0"}
GROWTH_MB = 48

SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=20)
)
WORDS = st.sampled_from(
    [SESSION, f"session:{SESSION}", "session:none", "user:eve", "session:>", "", "*", "main", "\x00", "é" * 100, "null"]
)
JSON = st.recursive(
    SCALARS | WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=8
)
NAMES = """
    id session_id chat_id channel data method token offset epoch recover flag limit since reverse content metadata
    parent reply expected_seq message_id reply_id up_to_seq target kind payload invite user role title name key query
    cursor seq time agent ai_context join_leave before after track project by
"""
FIELDS = st.sampled_from(NAMES.split())
NEW_IDS = st.sampled_from([ids.uuid7() for _ in range(200)])
VALUES = JSON | WORDS | NEW_IDS | st.just({"offset": 1, "epoch": ""}) | st.just(token("eve"))
FORM = st.dictionaries(FIELDS, VALUES, max_size=6)
KNOWN = st.fixed_dictionaries({"session_id": st.just(SESSION), "id": NEW_IDS})
PARAMS = st.one_of(FORM, st.builds(lambda a, b: {**b, **a}, KNOWN, FORM), JSON)
CALLS = st.builds(
    lambda method, data: {"rpc": {"method": method, "data": data}},
    st.sampled_from(sorted(set(methods.METHODS) - {"llm.test"})) | st.text(max_size=10),
    PARAMS,
)
CHANNEL = st.fixed_dictionaries({"channel": st.just(f"session:{SESSION}")})
COMMANDS = st.builds(
    lambda name, params: {name: params},
    st.sampled_from(sorted(protocol.METHODS - {"rpc"})) | st.text(max_size=5),
    FORM | st.builds(lambda a, b: {**b, **a}, CHANNEL, FORM) | JSON,
)


@pytest.fixture
async def gateway(nats_url: str) -> AsyncIterator[RealService]:
    async with gateways(nats_url, 1, UNLIMITED) as (one,):
        yield one


@pytest.fixture
async def steady(gateway: RealService) -> AsyncIterator[tuple[Client, str]]:
    """Somebody who talks, and their session; and that there is a session to be rude in."""
    async with connected(gateway.address, token("ada")) as ada, connected(gateway.address, token("eve")) as eve:
        await eve.rpc("session.create", id=ids.uuid7(), session_id=SESSION)
        session_id = await new_session(ada)
        await ada.call("subscribe", channel=f"session:{session_id}")
        yield ada, session_id


def resident_mb(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


async def answers(gateway: RealService, commands: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int | None]:
    """The replies to the commands, sent in one frame after a connect, and the close code, if that came first."""
    numbered = [{"connect": {"token": token("eve")}}, *commands]
    lines = [orjson.dumps({**command, "id": number}) for number, command in enumerate(numbered, 1)]
    replies: list[dict[str, Any]] = []
    async with connect(
        f"ws://127.0.0.1:{gateway.port}/connection/websocket", compression=None, max_size=None
    ) as socket:
        try:
            await socket.send(b"\n".join(lines), text=True)
            while len(replies) < len(lines):
                async with asyncio.timeout(15):
                    frame = str(await socket.recv())
                replies += [one for one in map(orjson.loads, frame.split("\n")) if "id" in one]
        except ConnectionClosed:
            return replies, socket.close_code
    return replies, None


async def test_no_command_is_an_internal_error_or_anybody_elses_business(
    gateway: RealService, steady: tuple[Client, str]
) -> None:
    ada, session_id = steady
    rounds, before_mb = 0, 0

    @settings(max_examples=150, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(CALLS | COMMANDS, min_size=1, max_size=12))
    async def law(commands: list[dict[str, Any]]) -> None:
        nonlocal rounds, before_mb
        try:
            orjson.dumps(commands)
        except TypeError:  # what can't be said in JSON can't be sent
            return
        replies, closed = await answers(gateway, commands)
        numbers = [one["id"] for one in replies]
        assert len(numbers) == len(set(numbers)), "no command is answered twice"
        assert closed in (None, 3501), "what is no command ends the connection"
        assert closed or sorted(numbers) == list(range(1, len(commands) + 2)), "every command is answered"
        failed = [one for one in replies if one.get("error", {}).get("code") == 100]
        assert not failed, (failed, commands)
        sent = await ada.send_message(session_id, "as ever")
        assert (await ada.event())["offset"] == sent["seq"]
        rounds += 1
        if rounds == 50:
            before_mb = resident_mb(gateway.pid)

    inner = law.hypothesis.inner_test  # type: ignore[attr-defined]
    loop = asyncio.get_running_loop()

    def through_this_loop(commands: list[dict[str, Any]]) -> None:
        asyncio.run_coroutine_threadsafe(inner(commands), loop).result(60)

    law.hypothesis.inner_test = through_this_loop  # type: ignore[attr-defined]
    await asyncio.to_thread(law)
    assert rounds >= 100
    assert resident_mb(gateway.pid) - before_mb < GROWTH_MB
    assert "Traceback" not in gateway.log
