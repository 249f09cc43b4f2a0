"""Two people who talk through the official SDKs, and what must hold of what they saw."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from services.ops import database, keys, probes
from services.ops.datadir import DataDir
from services.ops.embedded import postgres
from services.ops.ports import PortBook
from tests.sdk.client import SdkClient, sdk
from tests.support.eventually import eventually
from tests.support.system import System


@dataclass(slots=True)
class Talk:
    """One session with the JavaScript SDK at the first gateway and the Python SDK at the second.

    `acknowledged`: id to seq of every message that a gateway said was accepted.
    """

    system: System
    js: SdkClient
    py: SdkClient
    session_id: str
    acknowledged: dict[str, int] = field(default_factory=dict)

    async def say(self, person: SdkClient, content: str, **more: Any) -> dict[str, Any]:
        """One message, sent again with its id until it was accepted; the answer."""
        answer: dict[str, Any] = await person.write("message.send", session_id=self.session_id, content=content, **more)
        self.acknowledged[answer["id"]] = answer["seq"]
        return answer

    @asynccontextmanager
    async def chatter(self) -> AsyncIterator[None]:
        """Both keep sending, one message after the other, until the block ends."""
        over = asyncio.Event()

        async def keep_sending(person: SdkClient, name: str) -> None:
            turn = 0
            while not over.is_set():
                await self.say(person, f"{name} {turn}")
                turn += 1

        talking = [asyncio.create_task(keep_sending(self.js, "js")), asyncio.create_task(keep_sending(self.py, "py"))]
        try:
            yield
        finally:
            over.set()
            await asyncio.wait_for(asyncio.gather(*talking), 60)

    async def more(self, count: int) -> None:
        """So many further messages have been accepted."""
        goal = len(self.acknowledged) + count
        await eventually(lambda: len(self.acknowledged) >= goal, 60)

    async def in_step(self) -> list[dict[str, Any]]:
        """Both have got everything acknowledged, in one order at the same offsets: the publications."""
        last = max(self.acknowledged.values())

        def caught_up() -> bool:
            return all(one.durable() and one.durable()[-1]["offset"] >= last for one in (self.js, self.py))

        await eventually(caught_up, 30)
        first = max(one.durable()[0]["offset"] for one in (self.js, self.py))
        seen = [[p for p in one.durable() if first <= p["offset"] <= last] for one in (self.js, self.py)]
        assert seen[0] == seen[1], "one order, the same offsets"
        offsets = [publication["offset"] for publication in seen[0]]
        assert offsets == sorted(set(offsets)), "no repeat"
        chain = [int(publication["tags"]["prev"]) for publication in seen[0]]
        assert chain[1:] == offsets[:-1], "no hole"
        posted = {p["data"]["id"]: p["offset"] for p in seen[0]}
        assert self.acknowledged.items() <= posted.items(), "nothing acknowledged is missing"
        return seen[0]


@asynccontextmanager
async def talking(system: System, title: str = "Two SDKs") -> AsyncIterator[Talk]:
    """Ada (js, gateway 1) and Bob (py, gateway 2) share a new session and are subscribed to it."""
    async with sdk("js") as js, sdk("py") as py:
        await js.connected(url=socket_of(system, 1), token=system.token("ada", name="Ada"))
        await py.connected(url=socket_of(system, 2), token=system.token("bob", name="Bob"))
        session_id = (await js.write("session.create", title=title))["session_id"]
        invite = (await js.write("session.invite", session_id=session_id))["invite"]
        await py.write("session.join", invite=invite)
        await js.subscribed(session_id)
        await py.subscribed(session_id)
        yield Talk(system, js, py, session_id)


def socket_of(system: System, gateway: int) -> str:
    """Where a gateway (1 or 2) takes connections."""
    return f"{system.addresses[gateway - 1].replace('http', 'ws', 1)}/connection/websocket"


async def logged(data_dir: Path, up_to: int) -> list[tuple[int, str]]:
    """(seq, id) of every event of the log, read from PostgreSQL once it has reached `up_to`; a copy has no id."""
    place = DataDir(data_dir)
    known = keys.read(place.secrets_file)
    assert known is not None
    url = postgres.url(PortBook(place.ports_file)["postgres"], known.postgres_password)
    assert await probes.until(lambda: database.answers(url), 30), "it may have been killed a moment ago"
    connection = await asyncpg.connect(database.plain(url))
    try:

        async def reached() -> bool:
            head = await connection.fetchval("SELECT max(seq) FROM log.events")
            return bool(head and head >= up_to)

        await eventually(reached, 30)
        rows = await connection.fetch(
            "SELECT seq, CASE WHEN duplicate_of IS NULL THEN event_id ELSE '' END AS id FROM log.events"
        )
        return sorted((row["seq"], row["id"]) for row in rows)
    finally:
        await connection.close()
