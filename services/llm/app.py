"""A worker put together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from services.llm.agents import Agents
from services.llm.chunks import Deltas
from services.llm.depth import watch_depth
from services.llm.generate import Generator
from services.llm.handlers import register
from services.llm.intake import run_intake
from services.llm.jobs import Worker
from services.llm.lease import Leases
from services.llm.ledger import Ledger
from services.llm.models import Models
from services.llm.probe import Probe
from services.llm.quota import Quota
from services.llm.record import Recorder
from services.llm.reply import Replies
from services.llm.settings import LlmSettings
from services.llm.sweep import run_sweep
from services.llm.wanted import Wanted
from shared import subjects
from shared.bus.broker import answering, make_broker
from shared.bus.connection import Bus, connect
from shared.bus.direct import DirectReader
from shared.bus.query import QueryClient
from shared.health import Check, Health
from shared.logging import get_logger
from shared.service import probes
from shared.tasks import background

log = get_logger("app")

PAUSE_S = 0.5


@asynccontextmanager
async def app(settings: LlmSettings, health: Health) -> AsyncIterator[None]:
    """A worker that works while the block runs."""
    async with connect(settings.nats_url, settings.instance) as bus:
        reader = DirectReader(bus.client)
        await reader.start()
        queries = QueryClient(bus)
        agents, models = Agents(settings), Models(settings)
        ledger = Ledger(bus, reader, queries)
        replies = Replies(
            ledger,
            Recorder(bus, ledger, settings.instance),
            Wanted(bus, ledger),
            queries,
            Deltas(bus, reader),
            agents,
            Generator(models, agents, settings),
            Quota(queries, settings),
            settings,
        )
        broker = make_broker(settings.nats_url, settings.instance)
        register(broker, agents, Probe(models))
        worker = Worker(bus, Leases(bus, reader, settings.instance), replies)
        health.checks |= {
            "nats": _nats(bus),
            "events": _stream(bus, subjects.EVENTS),
            "prompts": _stream(bus, subjects.PROMPTS),
            "model": _model(models),
        }
        async with (
            probes(settings, health),
            answering(broker),
            worker.draining(),
            background(
                for_ever("intake", lambda: run_intake(bus, replies.cut_if_waiting)),
                for_ever("worker", worker.run),
                for_ever("sweep", lambda: run_sweep(bus, queries, settings.sweep_s)),
                for_ever("depth", lambda: watch_depth(bus, settings.depth_s)),
            ),
        ):
            yield


async def for_ever(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Does the work again, after a pause, whenever it fails."""
    while True:
        try:
            await work()
        except Exception as error:
            log.exception("part_failed", name=name, error=repr(error))
        await asyncio.sleep(PAUSE_S)


def _nats(bus: Bus) -> Check:
    async def check() -> dict[str, Any]:
        if not bus.is_connected:
            raise ConnectionError("not connected")
        return {"server": bus.client.connected_url.netloc if bus.client.connected_url else ""}

    return check


def _stream(bus: Bus, name: str) -> Check:
    async def check() -> dict[str, Any]:
        info = await bus.js.stream_info(name)
        return {"last_seq": info.state.last_seq}

    return check


def _model(models: Models) -> Check:
    async def check() -> dict[str, Any]:
        return models.facts()  # nobody is asked: some providers are paid for it

    return check
