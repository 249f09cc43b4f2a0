"""Who listens to a session on any gateway: entries in a bucket in memory, which die with their gateway.

gateway.<gateway>                       lives 10 s, said again every 3 s
client.<session>.<gateway>.<client>     stays; counts only while its gateway lives, so idle sockets cost nothing
awareness.<session>.<gateway>.<client>  what the client last said of itself; gone with it
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import nats.errors
import orjson
from nats.js.errors import Error as JetStreamError

from services.gateway.sharing import Shared
from shared import errors, subjects, tasks
from shared.auth import Identity
from shared.bus.connection import Bus
from shared.bus.direct import DirectReader, Stored
from shared.bus.streams import ensure_presence
from shared.logging import get_logger

log = get_logger("presence")

STREAM: Final = subjects.bucket_stream(subjects.PRESENCE)
GATEWAY_TTL_S: Final = 10
REFRESH_S = 3.0
ANNOUNCED_S = 2.0
ACKNOWLEDGED_S = 2.0
_GONE = {"KV-Operation": "PURGE", "Nats-Rollup": "sub", "Nats-TTL": "5"}


class Presence:
    """This gateway's entries, and everybody's as readers see them."""

    def __init__(self, bus: Bus, reader: DirectReader, instance: str) -> None:
        self._bus = bus
        self._reader = reader
        self._me = subjects.user_token(instance)
        self._run = orjson.dumps({"run": uuid.uuid4().hex})  # a process that was started anew is another one
        self._mine: dict[str, dict[str, Identity]] = {}  # by session, then by client
        self._said: dict[str, bytes] = {}
        self._announced = asyncio.Event()
        self._outbox: asyncio.Queue[tuple[str, bytes, dict[str, str]]] = asyncio.Queue()
        self._awareness = Shared(self._read_awareness)
        bus.on_reconnect.append(self._say_again)

    def enter(self, session_id: str, client: str, identity: Identity) -> None:
        """The client listens to the session. Nobody waits for the bucket; without the bus it is said later."""
        self._mine.setdefault(session_id, {})[client] = identity
        self._outbox.put_nowait((*self._entry(session_id, client, identity), {}))

    def leave(self, session_id: str, client: str) -> None:
        """It no longer does, and what it said of itself is no longer true."""
        clients = self._mine.get(session_id, {})
        if clients.pop(client, None) is not None:
            self._outbox.put_nowait((subjects.presence_client(session_id, self._me, client), b"", _GONE))
            if not clients:
                del self._mine[session_id]
        said = subjects.presence_awareness(session_id, self._me, client)
        if self._said.pop(said, None) is not None:
            self._outbox.put_nowait((said, b"", _GONE))
            self._outbox.put_nowait((subjects.signal(session_id), awareness(client, "", "", None), {}))

    async def say(self, session_id: str, client: str, identity: Identity, data: Any) -> None:
        """Everybody who listens hears `data` of the client; while it listens itself, who comes later finds it, too.

        None takes it back.

        Raises:
            Unavailable: the bus does not take it now.
        """
        key = subjects.presence_awareness(session_id, self._me, client)
        body = awareness(client, identity.user, identity.name, data)
        is_kept = data is not None and client in self._mine.get(session_id, {})
        if is_kept or key in self._said:
            await self._outbox.join()  # what it did before is written before
            await self._keep(key, body if is_kept else None)
            if is_kept and key not in self._said:
                return  # it has left meanwhile, and the others know
        await self._put(subjects.signal(session_id), body)  # after the entry: who does not hear this reads that

    async def _keep(self, key: str, body: bytes | None) -> None:
        if body is None:
            self._said.pop(key, None)
        else:
            self._said[key] = bytes(memoryview(body))  # alone: orjson leaves room for kilobytes behind what it makes
        try:
            headers = _GONE if body is None else None
            await self._bus.js.publish(key, body or b"", headers=headers, timeout=ACKNOWLEDGED_S)
        except (JetStreamError, nats.errors.Error, ConnectionError) as error:
            raise errors.Unavailable("the bus is away") from error

    async def awareness_of(self, session_id: str) -> dict[str, dict[str, Any]]:
        """`{client: {user, name, data}}` of the clients that are there and have said anything. For all who began to
        wait before it was sent, one request is made.

        Raises:
            Unavailable: the bus does not answer.
        """
        return await self._awareness(session_id)

    async def _read_awareness(self, session_id: str) -> dict[str, dict[str, Any]]:
        entries = await self._all(subjects.presence_awareness(session_id, "*", "*"))
        alive = await self.gateways() if entries else {}
        said = [orjson.loads(entry.body) for entry in entries if entry.subject.split(".")[-2] in alive]
        return {one["client"]: {name: one[name] for name in ("user", "name", "data")} for one in said}

    async def clients_of(self, session_id: str) -> dict[str, dict[str, Any]]:
        """`{client: {user, client, conn_info}}` of all living gateways.

        Raises:
            Unavailable: the bus does not answer.
        """
        alive = await self.gateways()
        entries = await self._all(subjects.presence_client(session_id, "*", "*"))
        found = [orjson.loads(entry.body) for entry in entries if entry.subject.split(".")[-2] in alive]
        return {one["client"]: one for one in found}

    async def gateways(self) -> dict[str, bytes]:
        """The living gateways, and which run of each it is.

        Raises:
            Unavailable: the bus does not answer.
        """
        entries = await self._all(subjects.presence_gateway("*"))
        return {entry.subject.rsplit(".", 1)[1]: entry.body for entry in entries}

    @asynccontextmanager
    async def announced(self) -> AsyncIterator[None]:
        """The gateway counts as living while the block runs; from its beginning if the bus works."""
        async with tasks.background(self._stay(), self._write()):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._announced.wait(), ANNOUNCED_S)
            yield
        await self._put(subjects.presence_gateway(self._me), b"", _GONE)

    async def _stay(self) -> None:
        first = True
        while True:
            with suppress(JetStreamError, nats.errors.Error, ConnectionError):
                await ensure_presence(self._bus.js)
                if first:  # what an earlier process of this name left behind
                    for left in (subjects.presence_client, subjects.presence_awareness):
                        await self._bus.js.purge_stream(STREAM, subject=left("*", self._me, "*"))
                    await self._say_again()
                    first = False
                await self._put(subjects.presence_gateway(self._me), self._run, {"Nats-TTL": str(GATEWAY_TTL_S)})
                self._announced.set()
            await asyncio.sleep(REFRESH_S)

    async def _write(self) -> None:
        while True:
            await self._put(*await self._outbox.get())
            self._outbox.task_done()

    async def _say_again(self) -> None:
        """After a reconnect the bucket may be a new and empty one."""
        with suppress(JetStreamError, nats.errors.Error, ConnectionError):
            await ensure_presence(self._bus.js)
            await self._put(subjects.presence_gateway(self._me), self._run, {"Nats-TTL": str(GATEWAY_TTL_S)})
            here = [(session_id, each) for session_id, clients in self._mine.items() for each in clients.items()]
            for session_id, (client, identity) in here:
                await self._put(*self._entry(session_id, client, identity))
            for key, body in list(self._said.items()):
                await self._put(key, body)

    async def _put(self, key: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        with suppress(nats.errors.Error, ConnectionError):
            await self._bus.client.publish(key, body, headers=headers)

    async def _all(self, pattern: str) -> list[Stored]:
        found: list[Stored] = []
        while True:
            batch = await self._reader.after(STREAM, pattern, found[-1].seq if found else 0)
            found += batch
            if not batch:
                return [entry for entry in found if entry.body]

    def _entry(self, session_id: str, client: str, identity: Identity) -> tuple[str, bytes]:
        body = orjson.dumps({"user": identity.user, "client": client, "conn_info": {"name": identity.name}})
        return subjects.presence_client(session_id, self._me, client), body


def awareness(client: str, user: str, name: str, data: Any) -> bytes:
    """What is passed on of a client that said something of itself."""
    return orjson.dumps({"type": "awareness", "client": client, "user": user, "name": name, "data": data})


def counts(clients: dict[str, dict[str, Any]]) -> dict[str, int]:
    """How many clients, of how many users."""
    return {"num_clients": len(clients), "num_users": len({one["user"] for one in clients.values()})}
