"""Checks of this machine: interpreters, disk, ports."""

import asyncio
import os
import platform
import shutil
import sys

from services.ops.checks.finding import Finding, Subject
from services.ops.datadir import MIN_FREE_BYTES
from services.ops.ports import is_free

NODE_MAJOR = 20


def python() -> Finding:
    """Python 3.11 or newer runs this."""
    ok = sys.version_info >= (3, 11)
    return Finding("python", ok, platform.python_version(), "" if ok else "install Python 3.11 or newer")


async def node() -> Finding:
    """Node 20 or newer is on the PATH: it builds the web client and runs its tests."""
    remedy = f"install Node {NODE_MAJOR} or newer (https://nodejs.org)"
    found = shutil.which("node")
    if found is None:
        return Finding("node", False, "not found on the PATH", remedy)
    process = await asyncio.create_subprocess_exec(found, "--version", stdout=asyncio.subprocess.PIPE)
    version = (await process.communicate())[0].decode().strip()
    major = version.removeprefix("v").split(".")[0]
    ok = major.isdigit() and int(major) >= NODE_MAJOR
    return Finding("node", ok, version or "gives no version", "" if ok else remedy)


def data_dir(subject: Subject) -> Finding:
    """The data directory, or the nearest one above it that exists, can be written."""
    path = subject.data_dir.path
    existing = next(place for place in (path, *path.parents) if place.exists())
    ok = os.access(existing, os.W_OK | os.X_OK)
    return Finding(
        "data directory", ok, str(path), "" if ok else "repair its permissions, or choose another --data-dir"
    )


def disk(subject: Subject) -> Finding:
    """There is room where the data directory is or will be."""
    path = subject.data_dir.path
    existing = next(place for place in (path, *path.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    ok = free >= MIN_FREE_BYTES
    remedy = "" if ok else f"free some space: at least {MIN_FREE_BYTES >> 20} MiB are needed"
    return Finding("disk space", ok, f"{free >> 20} MiB free", remedy)


def ports(subject: Subject) -> Finding:
    """The gateways' ports are free, or ours."""
    if subject.is_up:
        return Finding("ports", True, "held by the running system")
    taken = [port for port in (subject.port, subject.port + 1) if not is_free(port)]
    if not taken:
        return Finding("ports", True, f"{subject.port} and {subject.port + 1} are free")
    named = " and ".join(map(str, taken))
    return Finding("ports", False, f"{named} in use by another program", "stop it, or choose others with --port")
