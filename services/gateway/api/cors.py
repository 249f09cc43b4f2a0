"""Cross-origin use: refused unless allowed by setting.

Browsers keep foreign pages from reading an answer by themselves, but send some requests all the same; those are refused
here, before they do anything. Source: Fetch standard, 3.2 (CORS protocol).
"""

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway import origins
from services.gateway.addresses import Addresses
from services.gateway.api import problems

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_HEADERS = ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Traceparent"]


class RefuseForeign:
    """Answers 403 to what comes from a page of an origin that is not allowed."""

    def __init__(self, app: ASGIApp, allowed_origins: frozenset[str], addresses: Addresses) -> None:
        self._app = app
        self._allowed_origins = allowed_origins
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets everything else through."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            origin, host = headers.get("origin"), headers.get("host")
            if not origins.allowed(origin, host, self._allowed_origins, self._addresses.seen_by(host)):
                response = problems.document(403, 103, "permission denied", "this origin is not allowed")
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def install(app: FastAPI, allowed_origins: frozenset[str], addresses: Addresses) -> None:
    """Afterwards pages of these origins, and of gateways, may use the API; with `*` all, but without credentials."""
    if allowed_origins or addresses.pattern:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(allowed_origins),
            allow_origin_regex=addresses.pattern or None,
            allow_methods=_METHODS,
            allow_headers=_HEADERS,
            allow_credentials="*" not in allowed_origins,
            expose_headers=["Retry-After", "Content-Disposition"],
        )
    app.add_middleware(RefuseForeign, allowed_origins=allowed_origins, addresses=addresses)
