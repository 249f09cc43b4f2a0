"""The FastStream broker on which an owner answers `query.*`: traced, counted, and errors turned into typed replies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from faststream import ExceptionMiddleware
from faststream.nats import NatsBroker
from faststream.nats.opentelemetry import NatsTelemetryMiddleware
from faststream.nats.prometheus import NatsPrometheusMiddleware
from prometheus_client import REGISTRY
from pydantic import ValidationError

from shared import errors
from shared.logging import get_logger

log = get_logger("queries")

CONCURRENT_QUERIES = 32  # per query name and process


def make_broker(nats_url: str, instance: str) -> NatsBroker:
    """A broker that is not connected yet and, once it is, reconnects for ever.

    Handlers return `ok(result)`; an `AntiphonError` that they raise becomes a typed reply.
    """
    guard = ExceptionMiddleware()

    @guard.add_handler(errors.AntiphonError, publish=True)
    def refused(error: errors.AntiphonError) -> dict[str, Any]:
        return {"error": {"code": error.code, "message": error.detail}}

    @guard.add_handler(ValidationError, publish=True)
    def malformed(error: ValidationError) -> dict[str, Any]:
        return {"error": {"code": errors.BadRequest.code, "message": str(error)}}

    @guard.add_handler(Exception, publish=True)
    def broken(error: Exception) -> dict[str, Any]:
        log.exception("query_failed", error=repr(error))
        return {"error": {"code": errors.Unavailable.code, "message": "it can't be answered now; ask again"}}

    return NatsBroker(
        nats_url.split(","),
        name=f"{instance}-queries",
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,  # type: ignore[arg-type]  # seconds; annotated int, takes fractions
        ping_interval=5,
        max_outstanding_pings=2,
        middlewares=[guard, NatsTelemetryMiddleware(), NatsPrometheusMiddleware(registry=REGISTRY)],
        logger=None,
    )


def ok(result: Any) -> dict[str, Any]:
    """The reply that carries a result."""
    return {"ok": result}


@asynccontextmanager
async def answering(broker: NatsBroker) -> AsyncIterator[None]:
    """The broker answers while the block runs."""
    await broker.start()
    try:
        yield
    finally:
        await broker.stop()
