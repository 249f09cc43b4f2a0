"""The projector's wiring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.projector import handlers
from services.projector.checks import Checks
from services.projector.follow import Follower
from services.projector.housekeeping import Housekeeper
from services.projector.progress import Progress
from services.projector.queries import Queries
from services.projector.settings import ProjectorSettings
from shared import db
from shared.bus.broker import answering, make_broker
from shared.bus.connection import connect
from shared.health import Health
from shared.leader import Standing, first_of, lead
from shared.service import probes
from shared.tasks import background

LOCK_KEY = 0x616E7469_00000002


@asynccontextmanager
async def app(settings: ProjectorSettings, health: Health) -> AsyncIterator[None]:
    """While open, this instance answers queries and folds, or stands by to do so."""
    standing = Standing()
    health.checks["leader"] = standing.check
    async with probes(settings, health), background(_serve(settings, health, standing)):
        yield


async def _serve(settings: ProjectorSettings, health: Health, standing: Standing) -> None:
    """Waits for the bus and the database as long as it takes, while the probes already answer."""
    broker = make_broker(settings.nats_url, settings.instance)
    async with (
        connect(settings.nats_url, settings.instance) as bus,
        db.engine(settings) as asked,
        db.engine(settings, db.OWN_CONNECTIONS) as own,
    ):
        checks, progress = Checks(bus, own), Progress(asked, settings.wait_s)
        health.checks |= {
            "postgres": checks.postgres, "nats": checks.nats, "lag": checks.lag, "parked": checks.parked
        }  # fmt: skip
        handlers.register(broker, Queries(asked, progress))
        follower = Follower(bus, own, settings, standing, progress)
        housekeeper = Housekeeper(bus, own, settings)
        await follower.subscribe()
        async with answering(broker):

            async def work() -> None:
                await first_of(follower.run(), housekeeper.run())

            await lead(settings.database_url, LOCK_KEY, settings.instance, standing, work)
