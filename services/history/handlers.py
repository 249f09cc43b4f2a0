"""`query.history.*`: any instance answers, the active one or a standby."""

from typing import Any

from faststream.nats import NatsBroker

from services.history.erasing.ordering import Orders
from services.history.erasing.selecting import EraseOrder
from services.history.pages import Exists, Pages, Read
from shared import subjects
from shared.bus.broker import CONCURRENT_QUERIES, ok

OWNER = "history"
CONCURRENT_ERASURES = 2


def register(broker: NatsBroker, pages: Pages, orders: Orders) -> None:
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

    @broker.subscriber(subjects.query(OWNER, "erase"), queue=subjects.QUEUE_HISTORY, max_workers=CONCURRENT_ERASURES)
    async def erase(request: EraseOrder) -> dict[str, Any]:
        return ok(await orders.erase(request))
