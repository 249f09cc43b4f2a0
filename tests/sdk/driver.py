"""Drives the official Python SDK: one JSON command a line on stdin, answers and events as JSON lines on stdout.

The words are the same as in driver.mjs, so that one test suite runs both SDKs. Runs in an environment of its own.
"""

import asyncio
import json
import sys
from typing import Any

from centrifuge import Client, ClientEventHandler, SubscriptionEventHandler
from centrifuge.exceptions import CentrifugeError, ReplyError
from centrifuge.types import Publication, StreamPosition


def say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def publication(pub: Publication) -> dict[str, Any]:
    user = pub.info.user if pub.info else ""
    return {"data": pub.data, "offset": pub.offset or 0, "tags": dict(pub.tags or {}), "user": user}


class ClientEvents(ClientEventHandler):
    async def on_connecting(self, ctx: Any) -> None:
        say({"event": "connecting", "code": ctx.code, "reason": ctx.reason})

    async def on_connected(self, ctx: Any) -> None:
        say({"event": "connected", "client": ctx.client, "data": ctx.data})

    async def on_disconnected(self, ctx: Any) -> None:
        say({"event": "disconnected", "code": ctx.code, "reason": ctx.reason})

    async def on_error(self, ctx: Any) -> None:
        say({"event": "error", "code": ctx.code, "message": str(ctx.error)})

    async def on_subscribed(self, ctx: Any) -> None:
        say({"event": "server_subscribed", "channel": ctx.channel})

    async def on_publication(self, ctx: Any) -> None:
        say({"event": "server_publication", "channel": ctx.channel, **publication(ctx.pub)})


class SubscriptionEvents(SubscriptionEventHandler):
    def __init__(self, channel: str) -> None:
        self._channel = channel

    def _say(self, event: str, **facts: Any) -> None:
        say({"event": event, "channel": self._channel, **facts})

    async def on_subscribing(self, ctx: Any) -> None:
        self._say("subscribing", code=ctx.code, reason=ctx.reason)

    async def on_subscribed(self, ctx: Any) -> None:
        at = ctx.stream_position
        position = {"offset": at.offset, "epoch": at.epoch} if at else None
        facts = {"was_recovering": ctx.was_recovering, "recovered": ctx.recovered, "data": ctx.data}
        self._say("subscribed", position=position, **facts)

    async def on_unsubscribed(self, ctx: Any) -> None:
        self._say("unsubscribed", code=ctx.code, reason=ctx.reason)

    async def on_publication(self, ctx: Any) -> None:
        self._say("publication", **publication(ctx.pub))

    async def on_join(self, ctx: Any) -> None:
        self._say("join", user=ctx.info.user)

    async def on_leave(self, ctx: Any) -> None:
        self._say("leave", user=ctx.info.user)

    async def on_error(self, ctx: Any) -> None:
        self._say("subscription_error", code=getattr(ctx.error, "code", ctx.code), message=str(ctx.error))


class Driver:
    client: Client

    async def open(
        self,
        url: str,
        token: str = "",
        tokens: list[str] | None = None,
        timeout_ms: int = 5000,
        ping_delay_ms: int = 10_000,
        min_delay_ms: int = 50,
        max_delay_ms: int = 1000,
    ) -> None:
        async def get_token() -> str:
            say({"event": "token_wanted"})
            assert tokens
            return tokens.pop(0) if len(tokens) > 1 else tokens[0]

        self.client = Client(
            url,
            events=ClientEvents(),
            token=token,
            get_token=get_token if tokens else None,
            timeout=timeout_ms / 1000,
            max_server_ping_delay=ping_delay_ms / 1000,
            min_reconnect_delay=min_delay_ms / 1000,
            max_reconnect_delay=max_delay_ms / 1000,
            proxy=None,
        )
        await self.client.connect()

    async def close(self) -> None:
        await self.client.disconnect()

    async def subscribe(self, channel: str) -> None:
        sub = self.client.new_subscription(
            channel,
            events=SubscriptionEvents(channel),
            positioned=True,
            recoverable=True,
            join_leave=True,
            min_resubscribe_delay=0.05,
        )
        await sub.subscribe()

    async def unsubscribe(self, channel: str) -> None:
        sub = self.client.get_subscription(channel)
        assert sub is not None
        await sub.unsubscribe()

    async def rpc(self, method: str, data: Any) -> Any:
        return (await self.client.rpc(method, data)).data

    async def publish(self, channel: str, data: Any) -> None:
        await self.client.publish(channel, data)

    async def presence(self, channel: str) -> list[str]:
        return [info.user for info in (await self.client.presence(channel)).clients.values()]

    async def presence_stats(self, channel: str) -> dict[str, int]:
        stats = await self.client.presence_stats(channel)
        return {"num_clients": stats.num_clients, "num_users": stats.num_users}

    async def history(
        self, channel: str, limit: int = 0, since: dict[str, Any] | None = None, reverse: bool = False
    ) -> dict[str, Any]:
        start = StreamPosition(**since) if since else None
        page = await self.client.history(channel, limit, start, reverse)
        return {"publications": [publication(p) for p in page.publications], "offset": page.offset, "epoch": page.epoch}

    async def carry_out(self, line: str) -> None:
        command = json.loads(line)
        number, name = command.pop("id"), command.pop("do")
        try:
            say({"id": number, "ok": await getattr(self, name)(**command)})
        except ReplyError as error:
            say({"id": number, "error": {"code": error.code, "message": error.message, "temporary": error.temporary}})
        except CentrifugeError as error:
            say({"id": number, "error": {"code": 1, "message": str(error), "temporary": True}})


async def main() -> None:
    driver, tasks = Driver(), set()
    stdin = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    async for line in stdin:
        task = asyncio.create_task(driver.carry_out(line.decode()))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(main())
