"""Ports: which are free, and which one a process had the last time.

A port is chosen below the range that systems give to outgoing connections (Linux 32768, macOS and Windows 49152 and
up), so that nobody takes it by chance while a crashed server is away. A chosen port is reserved by a record lock on one
file of this machine until the process ends, so that two systems that start at the same time don't choose the same one.
"""

import errno
import fcntl
import json
import os
import random
import socket
import tempfile
from pathlib import Path

from services.ops import errors, files

LOWEST, HIGHEST = 20_000, 32_000
_RANDOM = random.SystemRandom()  # two processes that seeded the common one alike would choose alike

_reserved: set[int] = set()
_reservations: list[int] = []  # the descriptor of the file of reservations, once it is open


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `port` now."""
    try:
        _bind(port, host)
    except OSError:
        return False
    return True


def _bind(port: int, host: str) -> None:
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def reserve(port: int) -> bool:
    """Whether `port` is this process's from now on; not if another process has reserved it before."""
    if port in _reserved:
        return True
    if not _reservations:
        path = Path(tempfile.gettempdir()) / f"antiphon-ports-{os.getuid()}"
        _reservations.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    try:
        fcntl.lockf(_reservations[0], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _reserved.add(port)
    return True


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """A port that is free now, not in `taken`, and reserved for this process."""
    while True:
        port = _RANDOM.randint(LOWEST, HIGHEST)
        if port not in taken | _reserved and is_free(port) and reserve(port):
            return port


def require_free(port: int, host: str = "127.0.0.1") -> None:
    """Raises:
    PortInUse: somebody listens on `port`.
    UnusableAddress: nobody could, there.
    """
    try:
        _bind(port, host)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise errors.PortInUse(port=port) from None
        raise errors.UnusableAddress(host=host, port=port, reason=error.strerror) from None


class PortBook:
    """Gives each name a port and remembers it in a file, as long as the port stays free between two runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}

    def __getitem__(self, name: str) -> int:
        """The port `name` had the last time.

        Raises:
            KeyError: it never had one.
        """
        return self._ports[name]

    def assign(self, name: str) -> int:
        """A free port for `name`: the one of the last run if possible; remembered from now on."""
        port = self._ports.get(name)
        if port is None or not (is_free(port) and reserve(port)):
            port = free_port(frozenset(self._ports.values()))
            self._ports[name] = port
            files.replace(self._path, json.dumps(self._ports, indent=2), mode=0o644)
        return port
