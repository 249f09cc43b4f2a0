"""A real HTTP server that speaks the OpenAI streaming format, with faults on order.

Source: OpenAI API reference, "Create chat completion", streaming (`chat.completion.chunk` over server-sent events).
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.eventually import eventually

ANSWER = ["Streams ", "are ", "ordered, ", "naïve ", "or ", "not. ", "🎼"]
USAGE = {
    "prompt_tokens": 31,
    "completion_tokens": 11,
    "total_tokens": 42,
    "prompt_tokens_details": {"cached_tokens": 7},
}


@dataclass(frozen=True, slots=True)
class Call:
    """A model calls a tool, after `text`. Arguments that are a string are sent as they are, whatever they are."""

    name: str
    arguments: dict[str, Any] | str
    text: str = ""

    @property
    def delta(self) -> dict[str, Any]:
        sent = self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)
        return {"index": 0, "id": "call-1", "type": "function", "function": {"name": self.name, "arguments": sent}}


@dataclass(slots=True)
class OpenAIServer:
    """What it answers next, and what it was asked. An entry of `faults` answers one request.

    A fault is an HTTP status, or `cut` (the connection dies in the middle), `stall` (before the first token),
    `stall_later` (in the middle), `malformed` (a chunk is no JSON) or `no_usage`.
    """

    url: str
    pieces: list[str] = field(default_factory=lambda: list(ANSWER))
    answers: list[str] = field(default_factory=list)  # if there are any, each is one whole answer in place of `pieces`
    calls: list[Call | None] = field(default_factory=list)  # each is one whole answer; None is one of `pieces`
    raw: list[list[dict[str, Any] | bytes]] = field(default_factory=list)  # each is one whole answer: chunks of `said`
    refuses_tools: bool = False
    gate: asyncio.Semaphore | None = None  # if set, each piece waits for a permit
    faults: list[int | str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)  # of error responses
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    answered: int = 0
    broken_off: int = 0  # answers that whoever asked did not want to the end
    stalled: asyncio.Event = field(default_factory=asyncio.Event)  # set it to let go

    async def complete(self, request: Request) -> Response:
        self.requests.append(await request.json())
        self.keys.append(request.headers.get("authorization", ""))
        fault = self.faults.pop(0) if self.faults else None
        if self.refuses_tools and self.requests[-1].get("tools"):
            return JSONResponse({"error": {"message": "test-model does not support tools", "type": "fault"}}, 400)
        if isinstance(fault, int):
            error = {"error": {"message": f"fault {fault} for sk-secret", "type": "fault", "code": None}}
            return JSONResponse(error, fault, self.headers)
        if self.raw:
            return StreamingResponse(self._written(self.raw.pop(0)), media_type="text/event-stream")
        call = self.calls.pop(0) if self.calls else None  # now: what a test orders from here on is for later requests
        pieces = [call.text] if call else [self.answers.pop(0)] if self.answers else self.pieces
        return StreamingResponse(self._answer(fault, call, pieces), media_type="text/event-stream")

    async def _written(self, chunks: list[dict[str, Any] | bytes]) -> AsyncIterator[bytes]:
        """Chunks as they are, and bytes that are none."""
        for chunk in chunks:
            yield chunk if isinstance(chunk, bytes) else b"data: " + json.dumps(chunk).encode() + b"\n\n"
        yield b"data: [DONE]\n\n"
        self.answered += 1

    async def _answer(self, fault: str | None, call: Call | None, pieces: list[str]) -> AsyncIterator[bytes]:
        try:
            async for event in self._events(fault, call, pieces):
                yield event
        except asyncio.CancelledError:
            self.broken_off += 1
            raise

    async def _events(self, fault: str | None, call: Call | None, pieces: list[str]) -> AsyncIterator[bytes]:
        if fault == "stall":
            await self.stalled.wait()
        for number, piece in enumerate(pieces):
            if self.gate is not None:
                await self.gate.acquire()
            if number == 2 and fault == "cut":
                raise ConnectionAbortedError
            if number == 2 and fault == "stall_later":
                await self.stalled.wait()
            if number == 2 and fault == "malformed":
                yield b"data: {not json\n\n"
            yield _chunk([{"index": 0, "delta": {"role": "assistant", "content": piece}, "finish_reason": None}])
        if call:
            yield _chunk([{"index": 0, "delta": {"tool_calls": [call.delta]}, "finish_reason": None}])
        yield _chunk([{"index": 0, "delta": {}, "finish_reason": "tool_calls" if call else "stop"}])
        if fault != "no_usage":
            yield _chunk([], USAGE)
        yield b"data: [DONE]\n\n"
        self.answered += 1


def said(text: str | None, finish: str | None = None, **facts: Any) -> dict[str, Any]:
    """A chunk that says `text`. `facts` are beside its choices, or in place of them."""
    delta = {} if text is None else {"content": text}
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **facts}


def _chunk(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "test-model", "choices": choices}
    return b"data: " + json.dumps({**body, "usage": usage}).encode() + b"\n\n"


@asynccontextmanager
async def openai_server() -> AsyncIterator[OpenAIServer]:
    """The server, on a free port, while the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    one = OpenAIServer(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
    routes = [Route("/v1/chat/completions", one.complete, methods=["POST"])]
    config = uvicorn.Config(Starlette(routes=routes), lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await eventually(lambda: server.started)
    try:
        yield one
    finally:
        one.stalled.set()
        server.should_exit = True
        await task
        listener.close()
