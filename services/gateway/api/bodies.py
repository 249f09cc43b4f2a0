"""Request bodies are bounded like the messages of a socket: nobody's gigabyte is kept in memory to be refused later."""

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BoundBodies:
    """Ends the reading of a body with 413 as soon as it is above `max_bytes`."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counts what is read; the rest stays on the peer's side."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                raise HTTPException(413, f"too large: more than {self._max_bytes} bytes")
            return message

        await self._app(scope, counted, send)


def install(app: FastAPI, max_bytes: int) -> None:
    """Afterwards larger bodies are refused; 0: none is."""
    if max_bytes:
        app.add_middleware(BoundBodies, max_bytes=max_bytes)
