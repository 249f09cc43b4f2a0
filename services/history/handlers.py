"""`query.history.*`: any instance answers, the active one or a standby."""

from typing import Any

from faststream.nats import NatsBroker

from services.history.pages import Exists, Pages, Read
from shared import subjects
from shared.bus.broker import CONCURRENT_QUERIES, ok

OWNER = "history"


def register(broker: NatsBroker, pages: Pages) -> None:
    """The broker answers once it is started."""

    @broker.subscriber(subjects.query(OWNER, "read"), queue=subjects.QUEUE_HISTORY, max_workers=CONCURRENT_QUERIES)
    async def read(request: Read) -> bytes:
        return await pages.read(request)

    @broker.subscriber(subjects.query(OWNER, "head"), queue=subjects.QUEUE_HISTORY, max_workers=CONCURRENT_QUERIES)
    async def head() -> dict[str, Any]:
        return ok(await pages.head())

    @broker.subscriber(subjects.query(OWNER, "exists"), queue=subjects.QUEUE_HISTORY, max_workers=CONCURRENT_QUERIES)
    async def exists(request: Exists) -> bytes:
        return await pages.exists(request)
