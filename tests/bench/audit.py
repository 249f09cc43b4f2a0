"""`python -m tests.bench.audit [events]`: how fast the whole log is verified, beside a bare read of the same rows."""

import resource
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import log, sealing
from services.history.audit import proof, proving, rows, verifying
from services.history.chain import Anchor
from services.ops import output, proofs
from shared import db
from shared.settings import DatabaseSettings
from tests.support import databases
from tests.support.logs import filled
from tests.support.servers import PostgresServer

BATCH = 1000


async def bare_read(url: str) -> float:
    """Seconds to read the same columns of all rows through the same kind of cursor, and do nothing with them."""
    connection = await asyncpg.connect(url)
    began = time.monotonic()
    async with connection.transaction(readonly=True):
        cursor = await connection.cursor(rows._ROWS, 0, 2**63 - 1)
        while await cursor.fetch(rows.BATCH_ROWS):
            pass
    took_s = time.monotonic() - began
    await connection.close()
    return took_s


async def verified(engine: AsyncEngine) -> float:
    """Seconds of `antiphon audit verify` without its start."""
    began = time.monotonic()
    await verifying.verify(engine, Anchor())
    return time.monotonic() - began


async def proved(engine: AsyncEngine, directory: Path) -> str:
    """One session's proof over all positions: seconds to write and to check it, and its size."""
    key = Ed25519PrivateKey.generate()
    await sealing.seal(engine, key)
    file = directory / "proof.jsonl.gz"
    began = time.monotonic()
    with output.writing(file) as write:
        done = await proving.write(engine, "s0", True, write)
    wrote_s, began = time.monotonic() - began, time.monotonic()
    proof.check(proofs.lines(file), key.public_key().public_bytes_raw())
    check_s, size = time.monotonic() - began, file.stat().st_size / 2**20
    positions = done.checkpoint.seq - done.first + 1
    return (
        f"proof of {done.events} events over {positions} positions: written in {wrote_s:.1f} s, checked in "
        f"{check_s:.1f} s, {size:.0f} MiB compressed; peak {_peak_mib():.0f} MiB"
    )


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def measure(server: PostgresServer, events: int, directory: Path) -> None:
    """Fills a log and prints the figures: verifying and reading three times by turns, a proof once."""
    await server.ready()
    await databases.make_template(server)
    url = server.url(databases.TEMPLATE)
    async with db.engine(DatabaseSettings(database_url=url)) as engine:
        for _ in range(events // BATCH):
            await filled(engine, BATCH, sessions=50)
        assert (await log.head(engine)).seq == events
        for _ in range(3):
            bare_s, verify_s = await bare_read(url), await verified(engine)
            print(
                f"verify {events} events: {verify_s:.1f} s, {events / verify_s:,.0f}/s; "
                f"bare read {bare_s:.1f} s, {events / bare_s:,.0f}/s; peak {_peak_mib():.0f} MiB",
                flush=True,
            )
        print(await proved(engine, directory))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        found = PostgresServer(Path(name))
        found.launch()
        try:
            uvloop.run(measure(found, int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, Path(name)))
        finally:
            found.stop()
