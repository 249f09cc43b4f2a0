"""One connection's subscriptions. A session's events go from its feed to the socket through `Subscription.deliver`."""

import asyncio
import re
from typing import Any, Protocol

import orjson

from services.gateway import awareness, closing, protocol
from services.gateway.closing import Unsubscribe
from services.gateway.context import Gateway
from services.gateway.hub import Listener, Round
from services.gateway.joining import Joined
from services.gateway.merging import Skipped
from services.gateway.notices import CHANNEL_PREFIX as USER
from services.gateway.publication import passing
from services.gateway.requests import SubscribeRequest
from services.gateway.socket import Socket
from shared import errors
from shared.auth import Identity

SESSION = "session:"
CATCH_UP_S = 0.05
REJECT_UNRECOVERED = 2  # bit of a subscribe's `flag`

_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def session_id_of(channel: str) -> str:
    """The session whose channel this is.

    Raises:
        UnknownChannel: it is no session's channel.
    """
    session_id = channel.removeprefix(SESSION)
    if session_id == channel or not _SESSION_ID.fullmatch(session_id):
        raise errors.UnknownChannel(channel[:80])
    return session_id


class Subscription(Listener):
    """A listener of one session's feed that writes to one socket."""

    __slots__ = ("_channel", "_owner", "_skipped", "_socket", "joined", "user")

    def __init__(self, owner: "Channels", channel: str, socket: Socket, user: str) -> None:
        self.user = user
        self.joined: Joined | None = None
        self._owner = owner
        self._channel = channel
        self._socket = socket
        self._skipped: Skipped | None = None  # most readers never miss anything

    def deliver(self, frame: bytes, seq: int | None) -> None:
        """Writes the push. While the reader is behind, chunks of replies are put off, to be sent as one, and whatever
        else is never stored is left out.
        """
        if seq is not None or not (self._skipped or self._socket.behind):
            self._socket.send(frame)
            return
        if self._skipped is None:
            self._skipped = Skipped()
        was_whole = not self._skipped
        self._skipped.note(frame)
        if was_whole and self._skipped:
            self._catch_up()

    def deliver_round(self, several: Round) -> None:
        """Writes them all, to a reader that keeps up."""
        if self._skipped or self._socket.behind:
            super().deliver_round(several)
        else:
            self._socket.send(several.lines)

    def _catch_up(self) -> None:
        """Sends what was put off as soon as the reader has read enough."""
        if not self._socket.open or self.joined is None or self._skipped is None:
            return
        if self._socket.behind:
            asyncio.get_running_loop().call_later(CATCH_UP_S, self._catch_up)
            return
        feed = self.joined.feed
        for chunk in self._skipped.merged(feed.running()):
            self._socket.send(feed.frame(passing(orjson.dumps(chunk))))

    def told(self, push: bytes) -> None:
        """Writes a join or a leave, if the subscribe has been answered."""
        if self.joined is not None:
            self._socket.send(push)

    def revoked(self) -> None:
        """The client is told, and does not come back by itself."""
        self._owner.end(self._channel, closing.REVOKED)

    def insufficient(self) -> None:
        """The client is told, and subscribes again: it recovers, or starts over if the log was replaced."""
        replaced = self.joined is not None and self.joined.feed.dropped
        self._owner.end(self._channel, closing.INVALIDATED if replaced else closing.RESYNCHRONISE)


class Answer(Protocol):
    """Writes the reply to a subscribe."""

    def __call__(self, result: dict[str, Any]) -> None:
        """At once, without waiting."""


class Channels:
    """What one client is subscribed to. Its commands are given one at a time."""

    __slots__ = ("_client_id", "_gateway", "_identity", "_socket", "_subscriptions")

    def __init__(self, gateway: Gateway, socket: Socket, identity: Identity, client_id: str) -> None:
        self._client_id = client_id
        self._gateway = gateway
        self._socket = socket
        self._identity = identity
        self._subscriptions: dict[str, Subscription] = {}

    async def subscribe(self, request: SubscribeRequest, answer: Answer) -> None:
        """Joins the session's feed. `answer` is called, and then what was held back is delivered, without a pause.

        Raises:
            AlreadySubscribed, LimitExceeded, UnknownChannel, PermissionDenied, NotFound, Unrecoverable, Unavailable
        """
        session_id = self._check(request.channel)
        channel = request.channel
        subscription = Subscription(self, channel, self._socket, self._identity.user)
        recover = (request.epoch, request.offset) if request.recover else None
        joined = await self._gateway.sessions.join(session_id, subscription, recover, self._identity.user)
        if joined.was_recovering and not joined.recovered and request.flag & REJECT_UNRECOVERED:
            joined.leave()
            raise errors.Unrecoverable
        try:
            await awareness.complete(self._gateway, joined)
            if request.join_leave:
                await self._gateway.rosters.add(session_id, self._client_id, subscription.told)
        except BaseException:
            self._gateway.rosters.remove(session_id, self._client_id)
            joined.leave()
            raise
        if not self._socket.open:
            self._gateway.rosters.remove(session_id, self._client_id)
            joined.leave()
            return
        subscription.joined = joined
        self._subscriptions[channel] = subscription
        self._gateway.stats.subscriptions += 1
        self._gateway.presence.enter(joined.feed.session_id, self._client_id, self._identity)
        answer(_result(joined))
        joined.go_live()
        joined.forget()

    def unsubscribe(self, channel: str) -> None:
        """Nothing more comes from the channel. One that was not subscribed to is no error."""
        subscription = self._subscriptions.pop(channel, None)
        if subscription is not None:
            self._gateway.stats.subscriptions -= 1
            if subscription.joined:
                subscription.joined.leave()
                subscription.joined = None
            self._gateway.rosters.remove(session_id_of(channel), self._client_id)
            self._gateway.presence.leave(session_id_of(channel), self._client_id)

    def close(self) -> None:
        """Leaves all."""
        for channel in list(self._subscriptions):
            self.unsubscribe(channel)

    def _check(self, channel: str) -> str:
        limit = self._gateway.settings.channels_per_connection
        if channel in self._subscriptions or channel == USER + self._identity.user:
            raise errors.AlreadySubscribed(channel[:80])
        if channel.startswith(USER):
            raise errors.PermissionDenied("another user's channel")
        session_id = session_id_of(channel)
        if limit and len(self._subscriptions) >= limit:
            raise errors.LimitExceeded(f"{limit} channels")
        return session_id

    def end(self, channel: str, why: Unsubscribe) -> None:
        """Ends a subscription from this side; the client is told."""
        if channel in self._subscriptions:
            self.unsubscribe(channel)
            self._socket.send(protocol.push(channel, "unsubscribe", {"code": why.code, "reason": why.reason}))


def _result(joined: Joined) -> dict[str, Any]:
    result: dict[str, Any] = {
        "recoverable": True,
        "positioned": True,
        "epoch": joined.epoch,
        "offset": joined.offset,
        "data": orjson.Fragment(joined.snapshot),
    }
    if joined.was_recovering:
        result["was_recovering"] = True
    if joined.recovered:
        result["recovered"] = True
    if joined.publications:
        result["publications"] = [orjson.Fragment(publication) for publication in joined.publications]
    return result
