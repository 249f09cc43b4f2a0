"""`antiphon demo` as a person runs it: it ends well, or with one sentence."""

import asyncio
from pathlib import Path

from tests.support.system import System, antiphon


async def told(data_dir: Path) -> str:
    """What the demo says; it has ended well."""
    ran = await asyncio.to_thread(antiphon, "demo", "--data-dir", str(data_dir))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


async def test_the_demo_starts_a_system_of_its_own_and_loses_nothing(data_dir: Path) -> None:
    story = await told(data_dir)
    assert "kill -9" in story
    assert "Nothing was lost, nothing came twice" in story
    assert not data_dir.exists(), "nothing is left behind"


async def test_the_demo_plays_on_a_running_system(system: System) -> None:
    before = {name: one["pid"] for name, one in system.ps().items()}
    story = await told(system.data_dir)
    assert "gateway-1 is dead" in story
    await system.back("gateway-1", before["gateway-1"])
    assert {name: one["pid"] for name, one in system.ps().items() if name != "gateway-1"} == {
        name: pid for name, pid in before.items() if name != "gateway-1"
    }
