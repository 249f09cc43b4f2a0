"""The files of a PostgreSQL cluster: making them, and what a killed server leaves in them."""

import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from services.ops import errors
from services.ops.embedded.account import open_tree, open_way
from services.ops.process import Account

LINGER_S = 3.0  # how long the sessions of a killed server may take to notice


def ensure(
    directory: Path, programs: Path, account: Account | None, user: str, password: str, durable: bool = True
) -> None:
    """`directory` holds a cluster whose superuser is `user`; passwords are checked with SCRAM, also locally.

    Text sorts by code point, the same on every machine. A half-made cluster of an interrupted first start is replaced.

    Raises:
        InitdbFailed: with what initdb said.
    """
    if account:
        open_way(programs / "postgres", account)
        open_tree(programs.parent, account)
    if not (directory / "PG_VERSION").exists():
        making = directory.with_name(f"{directory.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700, parents=True)
        if account:
            os.chown(making, account.uid, account.gid)
        _initdb(making, programs, account, user, password, durable)
        if directory.exists():
            directory.rmdir()
        making.rename(directory)
    if account:
        open_way(directory / "PG_VERSION", account)


def _initdb(directory: Path, programs: Path, account: Account | None, user: str, password: str, durable: bool) -> None:
    secret = directory.with_name(f"{directory.name}.password")
    secret.touch(mode=0o600)
    secret.write_text(password)
    if account:
        open_way(directory / "PG_VERSION", account)
        os.chown(secret, account.uid, account.gid)
    argv = [
        str(programs / "initdb"),
        f"--pgdata={directory.resolve()}",
        f"--username={user}",
        f"--pwfile={secret.resolve()}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *(() if durable else ("--no-sync",)),
    ]
    try:
        subprocess.run(
            argv,
            check=True,
            capture_output=True,
            cwd=directory,
            env={"LC_ALL": "C", "TZ": "UTC"},
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=account.extra_groups if account else None,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        said = error.stderr.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else str(error)
        shutil.rmtree(directory, ignore_errors=True)
        raise errors.InitdbFailed(reason=" ".join(said.split())[-300:], path=directory) from None
    finally:
        secret.unlink()


def clear_stale_lock(directory: Path) -> None:
    """Nothing of an earlier server uses the cluster, and its `postmaster.pid` can't be mistaken for a living one's.

    To be called only by the owner of the data directory. PostgreSQL itself refuses to start where that file names a
    living process, even if the number meanwhile belongs to another program; and after a kill -9 its sessions hold the
    shared memory until they notice.
    """
    lock = directory / "postmaster.pid"
    deadline = time.monotonic() + LINGER_S
    while lingering := _servers(directory):
        for process in lingering if time.monotonic() > deadline else ():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(lingering, timeout=0.1)
    lock.unlink(missing_ok=True)


def _servers(directory: Path) -> list[psutil.Process]:
    """Every process whose working directory is the cluster: server and sessions, orphaned ones included."""
    home = str(directory.resolve())
    found = []
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            if process.info["name"] == "postgres" and process.cwd() == home:
                found.append(process)
    return found
