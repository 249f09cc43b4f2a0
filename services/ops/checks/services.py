"""Checks of our own processes, and of the model they would ask."""

import asyncio

from services.ops import probes, state
from services.ops.checks.finding import Finding, Subject
from services.ops.state import Running

SERVERS = {"nats", "postgres"}


async def all_ready(subject: Subject) -> list[Finding]:
    """Each running service says that it is ready; one finding if nothing runs."""
    if not subject.is_up:
        return [Finding("services", False, "`antiphon up` is not running here", "start it with `antiphon up`")]
    running = [one for one in state.read(subject.data_dir.state_file) if one.name not in SERVERS]
    return list(await asyncio.gather(*(_ready(one, subject) for one in running)))


async def _ready(one: Running, subject: Subject) -> Finding:
    status, body = await probes.http_get(one.port, "/health/ready")
    if status == 200:
        return Finding(one.name, True, f"ready on port {one.port}, {one.restarts} restarts")
    cause = f"{status}: {' '.join(body.split())[:300]}" if status else f"no answer on port {one.port} ({body})"
    return Finding(one.name, False, cause, f"its log is {subject.data_dir.log(one.name)}")


def model(subject: Subject) -> Finding:
    """Which model answers. The offline one is no fault, only a surprise."""
    given = subject.environment
    if not (given.get("OPENAI_API_KEY") or given.get("OPENAI_BASE_URL")):
        remedy = "for a real one, set OPENAI_API_KEY, or OPENAI_BASE_URL and ANTIPHON_MODEL, in .env"
        return Finding("model", True, "none is configured: the offline model answers", remedy)
    address = given.get("OPENAI_BASE_URL") or "the address of OpenAI"
    return Finding("model", True, f"{given.get('ANTIPHON_MODEL') or 'the default model'} at {address}")
