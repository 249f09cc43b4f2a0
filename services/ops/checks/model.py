"""Checks of the agents' file, and of the model by asking it."""

import nats
import orjson
from nats.errors import Error as NatsError

from services.ops.checks.finding import Finding, Subject
from shared import subjects

ASK_S = 15.0  # a worker waits ten seconds for its model


def agents(subject: Subject) -> Finding:
    """The agents' file can be used."""
    from services.llm import registry  # its imports take a second that other commands need not spend

    path = subject.environment.get("ANTIPHON_AGENTS_FILE", "")
    try:
        found = registry.load(path)
    except registry.AgentsFileError as error:
        return Finding(
            "agents", False, error.detail, "correct the file (docs/agents.md), or unset ANTIPHON_AGENTS_FILE"
        )
    return Finding("agents", True, f"{', '.join(found.agents)} from {path or 'the built-in file'}")


async def answers(subject: Subject) -> Finding:
    """A running worker's model answers; it is asked one small question."""
    if subject.nats_url is None:
        return Finding("model answers", False, "nothing runs here", "start the system with `antiphon up`")
    try:
        connection = await nats.connect(subject.nats_url, allow_reconnect=False, connect_timeout=2)
        try:
            reply = await connection.request(subjects.query("llm", "test"), b"{}", timeout=ASK_S)
        finally:
            await connection.close()
    except (NatsError, OSError, TimeoutError) as error:
        return Finding("model answers", False, f"no worker answers ({type(error).__name__})", "see the worker's log")
    found = orjson.loads(reply.data)["ok"]
    if not found["ok"]:
        remedy = "check OPENAI_API_KEY, OPENAI_BASE_URL and ANTIPHON_MODEL; the worker's log says more"
        return Finding("model answers", False, f"{found['model']}: {found['reason']}: {found['message']}", remedy)
    return Finding("model answers", True, f"{found['model']}, first token after {found['latency_ms']} ms")
