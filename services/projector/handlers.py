"""`query.projector.*`: any instance answers, the active one or a standby."""

from typing import Any

from faststream.nats import NatsBroker

from services.projector import requests
from services.projector.queries import Queries
from shared import subjects
from shared.bus.broker import CONCURRENT_QUERIES, ok

OWNER = "projector"


def register(broker: NatsBroker, queries: Queries) -> None:
    """The broker answers once it is started."""

    def answers(name: str) -> Any:
        subject = subjects.query(OWNER, name)
        return broker.subscriber(subject, queue=subjects.QUEUE_PROJECTOR, max_workers=CONCURRENT_QUERIES)

    @answers("snapshot")  # type: ignore[untyped-decorator]
    async def snapshot(request: requests.Snapshot) -> dict[str, Any]:
        return ok(await queries.snapshot(request))

    @answers("sessions")  # type: ignore[untyped-decorator]
    async def sessions(request: requests.Sessions) -> dict[str, Any]:
        return ok(await queries.sessions(request))

    @answers("target")  # type: ignore[untyped-decorator]
    async def target(request: requests.Target) -> dict[str, Any]:
        return ok(await queries.target(request))

    @answers("objects")  # type: ignore[untyped-decorator]
    async def objects(request: requests.Objects) -> dict[str, Any]:
        return ok(await queries.objects(request))

    @answers("chat_history")  # type: ignore[untyped-decorator]
    async def chat_history(request: requests.ChatHistory) -> dict[str, Any]:
        return ok(await queries.chat_history(request))

    @answers("context")  # type: ignore[untyped-decorator]
    async def context(request: requests.ChatContext) -> dict[str, Any]:
        return ok(await queries.context(request))

    @answers("open_replies")  # type: ignore[untyped-decorator]
    async def open_replies(request: requests.OpenReplies) -> dict[str, Any]:
        return ok(await queries.open_replies(request))
