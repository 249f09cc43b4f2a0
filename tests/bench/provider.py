"""A provider that says when it sent each token: `python -m tests.bench.provider <port> <tokens> <pause_ms>`.

It speaks the OpenAI streaming protocol. A token is a number and a space, the number being the monotonic clock, which is
one for all processes of a machine.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

_HEAD = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "bench"}


def app(tokens: int, pause_s: float) -> Starlette:
    """Each answer has so many tokens, so far apart."""
    never = asyncio.Event()

    async def said() -> AsyncIterator[bytes]:
        for _ in range(tokens):
            with suppress(TimeoutError):
                await asyncio.wait_for(never.wait(), pause_s)
            yield _chunk({"role": "assistant", "content": f"{time.monotonic_ns()} "}, None)
        yield _chunk({}, "stop")
        yield b"data: [DONE]\n\n"

    async def complete(request: Request) -> Response:
        await request.body()
        return StreamingResponse(said(), media_type="text/event-stream")

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


def _chunk(delta: dict[str, str], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({**_HEAD, "choices": [choice]}).encode() + b"\n\n"


if __name__ == "__main__":
    port, count, pause_ms = (int(word) for word in sys.argv[1:])
    uvicorn.run(app(count, pause_ms / 1000), host="127.0.0.1", port=port, log_config=None, lifespan="off")
