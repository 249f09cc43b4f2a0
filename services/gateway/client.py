"""A connected client: who it is, and what each command of the protocol does for it."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from services.gateway import closing, methods, pages, presence
from services.gateway.access import readable
from services.gateway.channels import SESSION, Answer, Channels, session_id_of
from services.gateway.closing import Close
from services.gateway.commands import Told
from services.gateway.composing import Outcome
from services.gateway.context import Caller, Gateway
from services.gateway.heartbeat import Heartbeat
from services.gateway.limits import TokenBucket
from services.gateway.notices import CHANNEL_PREFIX
from services.gateway.protocol import ClientCommand
from services.gateway.requests import (
    ChannelRequest,
    ConnectRequest,
    HistoryRequest,
    PublishRequest,
    RefreshRequest,
    RpcRequest,
    SubscribeRequest,
    parse,
)
from services.gateway.socket import Socket
from services.gateway.writing import answer
from shared import errors
from shared.auth import Identity
from shared.session.commands import SendMessage

VERSION = "antiphon 0.1.0"
EARLY_S = 60
PASSING = {"typing": "typing_per_s", "awareness": "awareness_per_s"}  # what all hear and nobody stores: its limit


class Client:
    """What lives from an accepted `connect` to the end of the socket."""

    __slots__ = ("_channels", "_gateway", "_passing", "_socket", "heartbeat", "id", "identity")

    def __init__(self, gateway: Gateway, socket: Socket, identity: Identity, client_id: str) -> None:
        settings = gateway.settings
        self.id = client_id
        self.identity = identity
        self.heartbeat = Heartbeat(socket, settings.ping_s, settings.pong_s, self)
        self._gateway = gateway
        self._socket = socket
        self._channels = Channels(gateway, socket, identity, client_id)
        self._passing: dict[str, TokenBucket] = {}  # most clients never need one
        gateway.notices.add(identity.user, socket.send)

    @classmethod
    async def connect(
        cls, gateway: Gateway, socket: Socket, params: Mapping[str, Any]
    ) -> "Client | Close | errors.AntiphonError":
        """The client a `connect` makes; or the error to answer, or the close to close with."""
        try:
            identity = await gateway.identify(parse(ConnectRequest, params).token)
        except errors.Unauthorized:
            return closing.INVALID_TOKEN
        except errors.AntiphonError as error:
            return error
        if gateway.sessions.outages.is_lost:
            return closing.SHUTDOWN
        client_id = str(uuid.uuid4())
        if not gateway.clients.add(identity.user, client_id, socket):
            return closing.CONNECTION_LIMIT
        return cls(gateway, socket, identity, client_id)

    def close(self) -> None:
        """Nothing is sent to this client any more, and nothing is counted."""
        self.heartbeat.stop()
        self._channels.close()
        self._gateway.notices.remove(self.identity.user, self._socket.send)
        self._gateway.clients.remove(self.identity.user, self.id)

    def welcome(self) -> dict[str, Any]:
        """The result of `connect`."""
        settings, now_ms = self._gateway.settings, time.time_ns() // 1_000_000
        limits = {
            "frame_bytes": settings.frame_bytes,
            "channels_per_connection": settings.channels_per_connection,
            "commands_per_s": settings.commands_per_s,
        }
        return {
            **self._token_facts(),
            "ping": max(1, round(settings.ping_s)),
            "pong": True,
            "session": self.id,
            "node": settings.instance,
            "time": now_ms,
            "subs": {CHANNEL_PREFIX + self.identity.user: {}},
            "data": {
                "user": self.identity.user,
                "name": self.identity.name,
                "limits": limits,
                "time": now_ms,  # where applications can read it: SDKs keep the other one to themselves
                "gateways": self._socket.gateways,
                "degraded": self._gateway.sessions.outages.names(),
            },
        }

    async def execute(self, command: ClientCommand, answer: Answer) -> None:
        """Does what the command asks and calls `answer` once with its result.

        Raises:
            AntiphonError: it was refused or can't be done now; then `answer` was not called.
        """
        if command.method == "subscribe":
            await self._channels.subscribe(parse(SubscribeRequest, command.params), answer)
            return
        handler = _HANDLERS.get(command.method)
        if handler is None:
            raise errors.BadRequest("already connected") if command.method == "connect" else errors.MethodNotFound
        answer(await handler(self, command.params))

    def message_in(self, command: ClientCommand) -> dict[str, Any] | None:
        """The parameters of `message.send`, if the command is one that names its session."""
        params, data = command.params, command.params.get("data")
        if not isinstance(data, dict) or not isinstance(data.get("id"), str):
            return None
        if command.method == "publish":
            channel = str(params.get("channel"))
            return {**data, "session_id": channel[len(SESSION) :]} if channel.startswith(SESSION) else None
        if command.method == "rpc" and params.get("method") == SendMessage.METHOD and data.get("session_id"):
            return data
        return None

    def post(self, message: dict[str, Any], told: Told) -> bool:
        """Whether the message is on its way; then `told` gets what becomes of it. If not, it must be executed.

        Raises:
            AntiphonError: it was refused.
        """
        command = parse(SendMessage, message)
        self._gateway.agents.check(command)
        return self._gateway.commands.post(command, self.identity, told)

    @staticmethod
    def message_answer(command: ClientCommand, outcome: Outcome) -> dict[str, Any]:
        """The result of a message's command."""
        return {} if command.method == "publish" else {"data": answer(outcome)}

    async def unsubscribe(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Ends a subscription."""
        self._channels.unsubscribe(parse(ChannelRequest, params).channel)
        return {}

    async def publish(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A message into a session's chat. `data.id` makes it safe to send twice; without it nothing is accepted."""
        request = parse(PublishRequest, params)
        session_id = session_id_of(request.channel)
        if not isinstance(request.data, dict) or not request.data.get("id"):
            raise errors.PermissionDenied("data.id (UUIDv7) is needed to publish")
        await self._call("message.send", {**request.data, "session_id": session_id})
        return {}

    async def rpc(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A method by name."""
        request = parse(RpcRequest, params)
        return {"data": await self._call(request.method, request.data)}

    async def history(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Events of a session; its position alone with `limit` 0."""
        request = parse(HistoryRequest, params)
        session_id = session_id_of(request.channel)
        since = (request.since.offset, request.since.epoch) if request.since else None
        page = await pages.page(self._gateway, session_id, self.identity, since, request.limit, request.reverse)
        publications = [orjson.Fragment(publication) for publication in page.publications]
        return {"publications": publications, "offset": page.offset, "epoch": page.epoch}

    async def presence(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Who is subscribed to a session's channel, on any gateway."""
        session_id = session_id_of(parse(ChannelRequest, params).channel)
        return {"presence": await self._present(session_id)}

    async def presence_stats(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """How many clients and how many users that is."""
        session_id = session_id_of(parse(ChannelRequest, params).channel)
        return presence.counts(await self._present(session_id))

    async def refresh(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A newer token of the same user takes the old one's place.

        Raises:
            StaleToken: it has ended on its way. An error that is not temporary would end an SDK's client for good.
        """
        try:
            identity = await self._gateway.identify(parse(RefreshRequest, params).token)
        except errors.TokenExpired as error:
            raise errors.StaleToken from error
        if identity.user != self.identity.user:
            raise errors.Unauthorized("another user's token")
        self.identity = identity
        return self._token_facts()

    async def sub_refresh(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        """Subscriptions have no tokens of their own: they are good as long as the connection's is."""
        return {"expires": False}

    async def ignore(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        """`send` asks for nothing."""
        return {}

    async def _present(self, session_id: str) -> dict[str, dict[str, Any]]:
        async with readable(self._gateway, session_id, self.identity):
            return await self._gateway.presence.clients_of(session_id)

    async def _call(self, method: str, data: Any) -> dict[str, Any]:
        if method in PASSING and not self._may_pass(method):
            raise errors.TooManyRequests(method)
        return await methods.call(self._gateway, Caller(self.identity, self.id), method, data)

    def _may_pass(self, method: str) -> bool:
        now_s = asyncio.get_running_loop().time()
        limit = self._passing.get(method)
        if limit is None:
            rate: float = getattr(self._gateway.settings, PASSING[method])
            limit = self._passing[method] = TokenBucket(rate, max(1, rate), now_s)
        return limit.take(now_s)

    def _token_facts(self) -> dict[str, Any]:
        left_s = self.identity.expires_at - int(time.time())
        ttl_s = max(1, left_s - min(EARLY_S, left_s // 4))  # SDKs refresh when it is over; the token is still good then
        return {"client": self.id, "version": VERSION, "expires": True, "ttl": ttl_s}

    def check(self) -> None:
        """Closes the socket of a token that has ended."""
        if time.time() > self.identity.expires_at + self._gateway.settings.token_grace_s:
            self._socket.close(closing.EXPIRED)


_HANDLERS: Mapping[str, Callable[[Client, Mapping[str, Any]], Awaitable[dict[str, Any]]]] = {
    "unsubscribe": Client.unsubscribe,
    "publish": Client.publish,
    "rpc": Client.rpc,
    "history": Client.history,
    "presence": Client.presence,
    "presence_stats": Client.presence_stats,
    "refresh": Client.refresh,
    "sub_refresh": Client.sub_refresh,
    "send": Client.ignore,
}
