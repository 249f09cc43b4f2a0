"""`antiphon up`: the whole system from nothing to the line that says `ready`, and back to nothing."""

import asyncio
import errno
import resource
import signal
from contextlib import suppress
from pathlib import Path

from services.ops import database, errors, migrations, plan, probes
from services.ops.datadir import MIN_FREE_BYTES, DataDir
from services.ops.reload import restart_what_changes
from services.ops.settings import UpSettings
from services.ops.supervisor import Supervisor
from services.ops.terminal import Terminal

SERVER_WAIT_S = 15.0


def up(settings: UpSettings, terminal: Terminal) -> None:
    """The system ran until it was told to stop, by SIGINT, SIGTERM or (not under `nohup`) SIGHUP; nothing is left.

    Raises:
        OpsError: it can't start, or can't go on.
    """
    data_dir = DataDir(settings.data_dir.absolute())
    data_dir.prepare()
    try:
        with data_dir.lock():
            asyncio.run(_until_told(settings, data_dir, terminal))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise errors.DiskFull(path=data_dir.path, free_mib=0, needed_mib=MIN_FREE_BYTES >> 20) from None


async def _until_told(settings: UpSettings, data_dir: DataDir, terminal: Terminal) -> None:
    told = asyncio.Event()
    hung_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    for number in (signal.SIGINT, signal.SIGTERM, *hung_up):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    serving = asyncio.create_task(_serve(settings, data_dir, terminal))
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if told.is_set():
        terminal.step("stopping")
    waiting.cancel()
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def _serve(settings: UpSettings, data_dir: DataDir, terminal: Terminal) -> None:
    _allow_many_sockets()
    planned = await asyncio.to_thread(plan.build, settings, data_dir)
    async with Supervisor(data_dir, terminal) as supervisor:
        await supervisor.until_ready(supervisor.launch(planned.servers))
        if settings.database_url is None:
            await database.ensure_database(planned.database_url)
        await _require_servers(planned)
        await migrations.upgrade(planned.database_url)
        terminal.step("database schema is up to date")
        owners, front = supervisor.launch(planned.owners), supervisor.launch(planned.front)
        await supervisor.until_ready([*owners, *front])
        terminal.ready(settings.addresses)
        if settings.reload:
            await restart_what_changes(Path(__file__).parents[2], supervisor, terminal)
        await asyncio.Event().wait()


async def _require_servers(planned: plan.Plan) -> None:
    """Raises:
    NatsUnreachable, DatabaseUnreachable: one of them doesn't answer within 15 s.
    """
    if not await probes.until(lambda: probes.nats_ready(planned.nats_url), SERVER_WAIT_S):
        raise errors.NatsUnreachable(url=database.masked(planned.nats_url))
    if not await probes.until(lambda: database.answers(planned.database_url), SERVER_WAIT_S):
        reason = await database.fault(planned.database_url)
        raise errors.DatabaseUnreachable(url=database.masked(planned.database_url), reason=reason)


def _allow_many_sockets() -> None:
    """Children may open as many files as the system allows this user."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
