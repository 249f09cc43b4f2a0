"""Joins and leaves: who listens to a session on any gateway, followed for those who asked to be told.

Entries of the presence bucket are heard as they are written. What is not written, a gateway's death, is seen when the
living gateways are other ones than before; and so that a message lost on the way is made up for, each is read again
now and then. Nobody is told of itself. A session that nobody asked about costs nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import nats.errors
import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from services.gateway import protocol, publication
from services.gateway.presence import REFRESH_S, Presence
from shared import errors, subjects
from shared.bus.connection import Bus
from shared.logging import get_logger

log = get_logger("rosters")

REREAD_S = 30.0

Push = Callable[[bytes], None]


class Roster:
    """The clients of one session as its watchers here know them. `watchers`: who is told, by client."""

    def __init__(self, session_id: str) -> None:
        self.watchers: dict[str, Push] = {}
        self.read_at: float | None = None
        self._channel = publication.channel(session_id)
        self._known: dict[str, dict[str, Any]] = {}
        self._heard: set[str] = set()  # of these more is known than a read that is under way will say

    async def on_entry(self, message: Msg) -> None:
        """An entry was written: somebody came, or went."""
        client = message.subject.rsplit(".", 1)[1]
        self._heard.add(client)
        if not message.data:
            self._left(client)
        elif client not in self._known:
            try:
                self._joined(client, orjson.loads(message.data), tell=True)
            except orjson.JSONDecodeError:
                return

    async def read(self, presence: Presence, session_id: str, now_s: float) -> None:
        """Afterwards what is known is what the bucket says; the first time, nobody is told.

        Raises:
            Unavailable: the bus does not answer.
        """
        self._heard.clear()
        found = await presence.clients_of(session_id)
        for client in [each for each in self._known if each not in found and each not in self._heard]:
            self._left(client)
        for client, info in found.items():
            if client not in self._known and client not in self._heard:
                self._joined(client, info, tell=self.read_at is not None)
        self.read_at = now_s

    def _joined(self, client: str, info: dict[str, Any], *, tell: bool) -> None:
        self._known[client] = info
        if tell:
            self._tell("join", client, info)

    def _left(self, client: str) -> None:
        info = self._known.pop(client, None)
        if info is not None:
            self._tell("leave", client, info)

    def _tell(self, kind: str, client: str, info: dict[str, Any]) -> None:
        push = protocol.push(self._channel, kind, {"info": info})
        for watcher, tell in list(self.watchers.items()):
            if watcher != client:
                tell(push)


class Rosters:
    """The rosters of this gateway."""

    def __init__(self, bus: Bus, presence: Presence) -> None:
        self._bus = bus
        self._presence = presence
        self._rosters: dict[str, Roster] = {}
        self._subscriptions: dict[str, asyncio.Task[Subscription]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    async def add(self, session_id: str, client: str, push: Push) -> None:
        """Afterwards `push` gets the joins and leaves of the session, but for `client`'s own.

        Raises:
            Unavailable: the bus is away for good.
        """
        roster = self._rosters.get(session_id)
        if roster is None:
            roster = self._rosters[session_id] = Roster(session_id)
            subject = subjects.presence_client(session_id, "*", "*")
            heard = self._bus.client.subscribe(subject, cb=roster.on_entry)
            self._subscriptions[session_id] = asyncio.create_task(heard)
            self._wake.set()
        roster.watchers[client] = push
        try:
            await asyncio.shield(self._subscriptions[session_id])
        except (nats.errors.Error, ConnectionError) as error:
            self.remove(session_id, client)
            raise errors.Unavailable("the bus is away") from error

    def remove(self, session_id: str, client: str) -> None:
        """It gets no more. One that got none is no error."""
        roster = self._rosters.get(session_id)
        if roster is None or roster.watchers.pop(client, None) is None or roster.watchers:
            return
        del self._rosters[session_id]
        ending = asyncio.create_task(_end(self._subscriptions.pop(session_id)))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def run(self) -> None:
        """Reads what has to be read, until cancelled."""
        before: dict[str, bytes] = {}
        loop = asyncio.get_running_loop()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), REFRESH_S if self._rosters else None)
            self._wake.clear()
            try:
                living = await self._presence.gateways()
                for session_id, roster in list(self._rosters.items()):
                    if roster.read_at is None or living != before or loop.time() - roster.read_at > REREAD_S:
                        await roster.read(self._presence, session_id, loop.time())
                before = living
            except errors.AntiphonError as error:
                log.info("presence_not_read", error=str(error))


async def _end(opening: asyncio.Task[Subscription]) -> None:
    try:
        await (await opening).unsubscribe()
    except (nats.errors.Error, ConnectionError, ValueError) as error:  # a connection that is gone has none either
        log.debug("unsubscribe_failed", error=repr(error))
