"""`make bench`: starts the system, measures, prints each figure in one line with its baseline.

Names of scenarios choose some of them: `make bench ARGS="latency room"`. NATS syncs each publish to disk, as it does by
default; `ANTIPHON_NATS_SYNC_INTERVAL=2m` measures what is promised when only processes die.
"""

import os
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.bench import crowd, lag, latency, many, page, room, sender, tokens, workers
from tests.support.system import whole_system

NAMES = ("latency", "sender", "room", "crowd", "many", "page", "tokens", "workers", "lag")
ALONE = {"tokens", "workers", "lag"}  # those that start what they need themselves
ENVIRONMENT = {
    "ANTIPHON_COMMANDS_PER_S": "0",
    "ANTIPHON_CONNECTIONS_PER_USER": "0",
    "ANTIPHON_LOG_LEVEL": "warning",
}


async def main(names: set[str]) -> None:
    """Everything that is measured, one after another."""
    synced = os.environ.get("ANTIPHON_NATS_SYNC_INTERVAL", "always")
    environment = ENVIRONMENT | {"ANTIPHON_NATS_SYNC_INTERVAL": synced}
    print(f"NATS syncs to disk: {synced}; load of the machine: {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        directory = Path(name)
        if "tokens" in names:
            for line in await tokens.measure(directory):
                print(line, flush=True)
        if "workers" in names:
            print(await workers.measure(directory), flush=True)
        if "lag" in names:
            print(await lag.measure(directory, lag.RATE), flush=True)
        if not names - ALONE:
            return
        async with whole_system(directory / "data", environment=environment) as system:
            if "latency" in names:
                print(await latency.measure(system, directory), flush=True)
            if "sender" in names:
                print(await sender.measure(system), flush=True)
            if "room" in names:
                for line in await room.measure(system):
                    print(line, flush=True)
            if "crowd" in names:
                print(await crowd.measure(system, directory), flush=True)
            if "page" in names:
                for line in await page.measure(system):
                    print(line, flush=True)
            if "many" in names:
                pid = int(system.ps()["gateway-1"]["pid"])
                print(await many.hold(system.addresses[0], pid, system.token("bench"), 10_000, 30.0), flush=True)


if __name__ == "__main__":
    if unknown := set(sys.argv[1:]) - set(NAMES):
        sys.exit(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    uvloop.run(main(set(sys.argv[1:]) or set(NAMES)))
