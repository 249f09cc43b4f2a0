"""`make bench`: starts the system, measures, prints each figure in one line with its baseline."""

import tempfile
from pathlib import Path

import uvloop

from tests.bench import latency
from tests.support.system import whole_system


async def main() -> None:
    """Everything that is measured, one after another."""
    with tempfile.TemporaryDirectory(prefix="antiphon-") as name:
        directory = Path(name)
        async with whole_system(
            directory / "data", environment={"ANTIPHON_COMMANDS_PER_S": "0", "ANTIPHON_LOG_LEVEL": "warning"}
        ) as system:
            print(await latency.measure(system, directory))


if __name__ == "__main__":
    uvloop.run(main())
