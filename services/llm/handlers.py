"""`query.llm.*`: any worker answers."""

from typing import Any

from faststream.nats import NatsBroker

from services.llm.agents import Agents
from services.llm.probe import Probe
from shared import subjects
from shared.bus.broker import CONCURRENT_QUERIES, ok

OWNER = "llm"


def register(broker: NatsBroker, agents: Agents, probe: Probe) -> None:
    """The broker answers once it is started."""

    def answers(name: str) -> Any:
        subject = subjects.query(OWNER, name)
        return broker.subscriber(subject, queue=subjects.QUEUE_LLM, max_workers=CONCURRENT_QUERIES)

    @answers("agents")  # type: ignore[untyped-decorator]
    async def agents_(_request: dict[str, Any]) -> dict[str, Any]:
        return ok(agents.listed())

    @answers("test")  # type: ignore[untyped-decorator]
    async def test(_request: dict[str, Any]) -> dict[str, Any]:
        return ok(await probe.test())
