"""Is it there? Questions to a port that end within a bounded time and never raise."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

PROBE_S = 2.0


async def http_get(port: int, path: str, host: str = "127.0.0.1", timeout_s: float = PROBE_S) -> tuple[int, str]:
    """Status and body of a GET; (0, the reason) if nobody answered within `timeout_s` seconds."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read(-1)
            finally:
                writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body.decode(errors="replace")
    except (OSError, TimeoutError, ValueError, IndexError) as error:
        return 0, str(error) or type(error).__name__


def from_here(host: str) -> str:
    """Where this machine reaches what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


async def ready(port: int, host: str = "127.0.0.1") -> bool:
    """Whether the service on `port` says that it is ready."""
    status, _ = await http_get(port, "/health/ready", host)
    return status == 200


async def nats_info(url: str, timeout_s: float = PROBE_S) -> dict[str, Any] | None:
    """What the first server of a comma-separated list says that answers within `timeout_s` seconds; None if none does.

    Source: NATS client protocol, INFO.
    """
    for server in url.split(","):
        if (info := await _info(server.strip(), timeout_s)) is not None:
            return info
    return None


async def _info(server: str, timeout_s: float) -> dict[str, Any] | None:
    parts = urlsplit(server if "://" in server else f"nats://{server}")
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(parts.hostname or "127.0.0.1", parts.port or 4222)
            try:
                line = await reader.readline()
            finally:
                writer.close()
        info: dict[str, Any] = json.loads(line.removeprefix(b"INFO "))
    except (OSError, TimeoutError, ValueError):
        return None
    return info


async def nats_ready(url: str) -> bool:
    """Whether a NATS server with JetStream answers at `url`."""
    info = await nats_info(url)
    return bool(info and info.get("jetstream"))


async def until(check: Callable[[], Awaitable[bool]], timeout_s: float, pause_s: float = 0.2) -> bool:
    """Whether `check` came true within `timeout_s` seconds."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not await check():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(pause_s)
    return True
