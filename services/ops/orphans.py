"""What a supervisor that was killed left behind, where the kernel doesn't end children with their parent (macOS)."""

from contextlib import suppress

import psutil

from services.ops.state import Running

SLACK_S = 2.0
WAIT_S = 3.0


def clear(left: list[Running]) -> None:
    """No process of `left` is alive. One with the same number but another start time is not ours and stays."""
    ours = []
    for running in left:
        with suppress(psutil.Error):
            process = psutil.Process(running.pid)
            if abs(process.create_time() - running.started_unix_s) < SLACK_S:
                process.terminate()
                ours.append(process)
    _, stubborn = psutil.wait_procs(ours, timeout=WAIT_S)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=WAIT_S)
