"""history's wiring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import checkpoint, handlers
from services.history.checks import Checks
from services.history.erasing.ordering import Orders
from services.history.follow import Follower
from services.history.pages import Pages
from services.history.sealing import Sealer
from services.history.settings import HistorySettings
from shared import db
from shared.bus.broker import answering, make_broker
from shared.bus.connection import connect
from shared.health import Health
from shared.leader import Standing, lead
from shared.service import probes
from shared.tasks import background

LOCK_KEY = 0x616E7469_00000001
ROOM_BYTES = 16 * 1024  # in a reply, for its headers


@asynccontextmanager
async def app(settings: HistorySettings, health: Health) -> AsyncIterator[None]:
    """While open, this instance answers queries and appends, or stands by to do so."""
    standing = Standing()
    health.checks["leader"] = standing.check
    _key(settings)  # one that can't be used ends the process now, not the signing later
    async with probes(settings, health), background(_serve(settings, health, standing)):
        yield


async def _serve(settings: HistorySettings, health: Health, standing: Standing) -> None:
    """Waits for the bus and the database as long as it takes, while the probes already answer."""
    broker = make_broker(settings.nats_url, settings.instance)
    async with (
        connect(settings.nats_url, settings.instance) as bus,
        db.engine(settings) as asked,
        db.engine(settings, db.OWN_CONNECTIONS) as own,
    ):
        checks = Checks(bus, own)
        health.checks |= {
            "postgres": checks.postgres, "nats": checks.nats, "stream": checks.stream, "lag": checks.lag
        }  # fmt: skip
        pages = Pages(asked, lambda: bus.client.max_payload - ROOM_BYTES)
        handlers.register(broker, pages, Orders(bus, asked, settings.instance))
        async with answering(broker):
            follower = Follower(bus, own, settings, standing, _sealer(own, settings))
            await lead(settings.database_url, LOCK_KEY, settings.instance, standing, follower.run)


def _sealer(engine: AsyncEngine, settings: HistorySettings) -> Sealer:
    return Sealer(engine, _key(settings), settings.checkpoint_events, settings.checkpoint_s)


def _key(settings: HistorySettings) -> Ed25519PrivateKey | None:
    text = settings.signing_key.get_secret_value()
    if not text and settings.signing_key_file:
        text = Path(settings.signing_key_file).read_text()
    return checkpoint.private_key(text) if text else None
