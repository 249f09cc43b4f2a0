"""`antiphon stop`: ends a running `up`, as Ctrl-C in its terminal would."""

import os
import signal
import time
from contextlib import suppress

from services.ops import errors
from services.ops.commands.context import DEFAULT_DATA_DIR, DataDirOption
from services.ops.datadir import DataDir

WAIT_S = 12.0


def stop(data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Stop a running `up` and wait until it has."""
    place = DataDir(data_dir.absolute())
    owner = place.owner()
    if not owner:
        raise errors.NotRunning(path=place.path)
    with suppress(ProcessLookupError):
        os.kill(owner, signal.SIGTERM)
    deadline = time.monotonic() + WAIT_S
    while place.owner() == owner:
        if time.monotonic() > deadline:
            raise errors.NotStopped(pid=owner, waited_s=WAIT_S)
        time.sleep(0.05)
    print("stopped")
