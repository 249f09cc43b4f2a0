"""How a service runs: log and trace set up once, an HTTP port, an application, a signal, and an orderly end."""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TypeVar

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.types import ASGIApp

from shared import logging, telemetry
from shared.health import Health
from shared.logging import get_logger
from shared.settings import ServiceSettings

log = get_logger("service")

S = TypeVar("S", bound=ServiceSettings)
App = Callable[[S, Health], AbstractAsyncContextManager[None]]

DRAIN_S = 3
SETTLED_S = 2.0
GARBAGE = (10_000, 5, 50)  # the collector's thresholds: thousands of connections are not looked through often


def run(service: str, settings: S, app: App[S]) -> None:
    """Runs `app` until SIGTERM or SIGINT, or until it fails; then the exit code is 1 and a supervisor starts it anew.

    `app(settings, health)` is an async context: what it opens is open while the service runs.
    """
    settings = settings.model_copy(
        update={"instance": settings.instance or f"{service}-{socket.gethostname()}-{os.getpid()}"}
    )
    logging.setup(service, settings.instance, settings.log_level, settings.log_format)
    provider = telemetry.setup(service, settings.instance, settings.otlp_endpoint)
    gc.set_threshold(*GARBAGE)
    try:
        uvloop.run(_until_signal(service, settings, app))
    except Exception as error:
        log.exception("service_failed", error=repr(error))
        raise SystemExit(1) from error
    finally:
        provider.shutdown()


async def _until_signal(service: str, settings: S, app: App[S]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    health = Health(service, settings.instance)
    async with app(settings, health):
        gc.freeze()  # what was imported and opened by now stays; and so does what the first requests made
        loop.call_later(SETTLED_S, _settle)
        log.info("service_started")
        await stop.wait()
        log.info("service_stopping")
    log.info("service_stopped")


def _settle() -> None:
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def probes(settings: ServiceSettings, health: Health) -> AsyncIterator[None]:
    """Serves `/health`, `/health/ready` and `/metrics`, for a service that has no other HTTP."""
    async with http(settings, Starlette(routes=health.routes())):
        yield


@asynccontextmanager
async def http(settings: ServiceSettings, app: ASGIApp, **options: object) -> AsyncIterator[int]:
    """Serves an ASGI application on the service's port while the block runs; yields the port.

    `options` go to uvicorn's Config (the gateway passes its own WebSocket protocol class as `ws`).
    """
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.host, settings.port))
    defaults: dict[str, object] = {
        "lifespan": "off",
        "log_config": None,
        "access_log": False,
        "timeout_graceful_shutdown": DRAIN_S,
        "backlog": 4096,
    }
    server = _Server(uvicorn.Config(app, **{**defaults, **options}))  # type: ignore[arg-type]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)  # uvicorn has no notice of having started
    port = int(listener.getsockname()[1])
    log.info("http_listening", host=settings.host, port=port)
    try:
        yield port
    finally:
        server.should_exit = True
        await task
        listener.close()


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to `run`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield
