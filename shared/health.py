"""Is this process alive, can it work, and what has it counted: `/health`, `/health/ready`, `/metrics`."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Check = Callable[[], Awaitable[dict[str, Any]]]

CHECK_TIMEOUT_S = 2.0


@dataclass(slots=True)
class Health:
    """The dependencies of one process, each by name. A check returns facts for the reader, or raises."""

    service: str
    instance: str
    checks: dict[str, Check] = field(default_factory=dict)
    started_at: float = field(default_factory=time.time)

    async def live(self, _request: Request) -> Response:
        """200 as long as the event loop turns."""
        facts = {"status": "ok", "service": self.service, "instance": self.instance}
        return JSONResponse({**facts, "uptime_s": round(time.time() - self.started_at, 1)})

    async def ready(self, _request: Request) -> Response:
        """200 if every check passes, else 503; each dependency by name either way."""
        names = list(self.checks)
        results = await asyncio.gather(*(self._run(self.checks[name]) for name in names))
        ok = all(result["status"] == "ok" for result in results)
        body = {"status": "ok" if ok else "degraded", "checks": dict(zip(names, results, strict=True))}
        return JSONResponse(body, 200 if ok else 503)

    async def _run(self, check: Check) -> dict[str, Any]:
        try:
            return {"status": "ok", **await asyncio.wait_for(check(), CHECK_TIMEOUT_S)}
        except Exception as error:  # noqa: BLE001 - whatever a dependency does, the reader gets its name and the cause
            return {"status": "failed", "error": f"{type(error).__name__}: {error}"}

    async def metrics(self, _request: Request) -> Response:
        """Prometheus text format."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    def routes(self) -> list[Route]:
        """The four paths, for any ASGI application."""
        return [
            Route("/health", self.live),
            Route("/health/live", self.live),
            Route("/health/ready", self.ready),
            Route("/metrics", self.metrics),
        ]
