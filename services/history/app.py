"""history's wiring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.history import handlers
from services.history.checks import Checks
from services.history.follow import Follower
from services.history.pages import Pages
from services.history.settings import HistorySettings
from shared import db
from shared.bus.broker import answering, make_broker
from shared.bus.connection import connect
from shared.health import Health
from shared.leader import Standing, lead
from shared.service import probes
from shared.tasks import background

LOCK_KEY = 0x616E7469_00000001


@asynccontextmanager
async def app(settings: HistorySettings, health: Health) -> AsyncIterator[None]:
    """While open, this instance answers queries and appends, or stands by to do so."""
    standing = Standing()
    health.checks["leader"] = standing.check
    async with probes(settings, health), background(_serve(settings, health, standing)):
        yield


async def _serve(settings: HistorySettings, health: Health, standing: Standing) -> None:
    """Waits for the bus and the database as long as it takes, while the probes already answer."""
    broker = make_broker(settings.nats_url, settings.instance)
    async with connect(settings.nats_url, settings.instance) as bus, db.engine(settings) as engine:
        checks = Checks(bus, engine)
        health.checks |= {
            "postgres": checks.postgres, "nats": checks.nats, "stream": checks.stream, "lag": checks.lag
        }  # fmt: skip
        handlers.register(broker, Pages(engine))
        async with answering(broker):
            follower = Follower(bus, engine, settings, standing)
            await lead(settings.database_url, LOCK_KEY, settings.instance, standing, follower.run)
