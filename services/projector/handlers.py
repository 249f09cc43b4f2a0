"""`query.projector.*`: any instance answers, the active one or a standby."""

from collections.abc import Awaitable, Callable
from typing import Any

from faststream.nats import NatsBroker

from services.projector import requests
from services.projector.queries import QUERIES, Queries
from shared import subjects
from shared.bus.broker import CONCURRENT_QUERIES, ok

OWNER = "projector"


def register(broker: NatsBroker, queries: Queries) -> None:
    """The broker answers once it is started."""
    for name, (kind, _) in QUERIES.items():
        subject = subjects.query(OWNER, name)
        answers = broker.subscriber(subject, queue=subjects.QUEUE_PROJECTOR, max_workers=CONCURRENT_QUERIES)
        answers(_handler(queries, name, kind))


def _handler(
    queries: Queries, name: str, kind: type[requests.Request]
) -> Callable[[requests.Request], Awaitable[dict[str, Any]]]:
    async def handler(request: kind) -> dict[str, Any]:  # type: ignore[valid-type]
        return ok(await queries.ask(name, request))

    handler.__name__ = name
    return handler
