"""A PostgreSQL server: its cluster is made at the first start; it speaks TCP on the loopback interface only."""

import signal
from dataclasses import dataclass
from pathlib import Path

from services.ops import database
from services.ops.embedded import account, binaries, cluster
from services.ops.part import Part
from services.ops.process import Command

USER = DATABASE = "antiphon"
NICENESS = 10  # nobody who speaks waits for it; see `plan.OWNER_NICENESS`


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """`durable` off gives up the cluster at a loss of power, for speed: tests only. A kill -9 costs nothing."""

    durable: bool = True
    max_connections: int = 200


def url(port: int, password: str, name: str = DATABASE) -> str:
    """Where the database `name` of the server on `port` is reached, password included."""
    return f"postgresql://{USER}:{password}@127.0.0.1:{port}/{name}"


def part(directory: Path, port: int, password: str, settings: PostgresSettings | None = None) -> Part:
    """The server over the cluster in `directory`, which is made now if it isn't there. Blocks for about a second then.

    Raises:
        BinaryMissing, UnusableAccount, InitdbFailed: with what to do about it.
    """
    settings = settings or PostgresSettings()
    programs = binaries.postgres_bin()
    owner = account.for_postgres()
    cluster.ensure(directory, programs, owner, USER, password, settings.durable)
    options = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": settings.max_connections,
        "password_encryption": "scram-sha-256",
        "log_line_prefix": "%m [%p] ",
    }
    if not settings.durable:
        options |= {"fsync": "off", "full_page_writes": "off"}
    return Part(
        name="postgres",
        port=port,
        command=Command(
            argv=(
                str(programs / "postgres"),
                "-D",
                str(directory.resolve()),
                *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
            ),
            env={"LC_ALL": "C", "TZ": "UTC"},
            cwd=directory.resolve(),
            account=owner,
            stop_signal=signal.SIGINT,  # fast shutdown: sessions end, a checkpoint is written
            death_signal=signal.SIGQUIT,  # immediate shutdown: recovery at the next start
            niceness=NICENESS,
        ),
        is_ready=lambda: database.answers(url(port, password, "postgres")),
        before_start=lambda: cluster.clear_stale_lock(directory),
        stop_s=2.5,
    )
