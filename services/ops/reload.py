"""`antiphon dev`: the services whose files change start again."""

from pathlib import Path

from watchfiles import awatch

from services.ops.supervisor import Supervisor
from services.ops.terminal import Terminal


def affected(changed: list[str], root: Path, packages: set[str]) -> set[str]:
    """Which of `packages` must start again after files changed: all of them if what they share did."""
    found: set[str] = set()
    for path in (Path(name).relative_to(root) for name in changed if Path(name).suffix == ".py"):
        match path.parts:
            case ("shared", *_):
                return packages
            case ("services", service, _, *_) if f"services.{service}" in packages:
                found.add(f"services.{service}")
    return found


async def restart_what_changes(root: Path, supervisor: Supervisor, terminal: Terminal) -> None:
    """Runs for ever: every saved change below `services` and `shared` reaches the processes it concerns."""
    packages = {keeper.part.package for keeper in supervisor.keepers if keeper.part.package}
    terminal.step("watching services/ and shared/")
    async for changes in awatch(root / "services", root / "shared"):
        stale = affected([name for _, name in changes], root, packages)
        for keeper in supervisor.keepers:
            if keeper.part.package in stale:
                terminal.step(f"{keeper.part.name} starts again")
                keeper.restart()
