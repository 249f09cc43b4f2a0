"""`antiphon up`: from nothing to a running system, and back to nothing."""

import asyncio
import json
import re
import signal
import time
from pathlib import Path

import pytest

from tests.support.servers import alive
from tests.support.system import System, antiphon, whole_system

NAMES = {"nats", "postgres", "gateway-1", "gateway-2", "history-1", "projector-1", "llm-1"}


async def test_every_process_that_is_killed_is_back_within_a_second(system: System) -> None:
    for name in sorted(NAMES):
        port = system.ps()[name]["port"]
        pid = system.kill(name)
        began = time.monotonic()
        await system.back(name, pid, timeout_s=3.0)
        assert time.monotonic() - began < 1.0, name
        now = system.ps()[name]
        assert (now["restarts"], now["port"]) == (1, port)


async def test_up_tells_when_it_is_ready_and_ps_what_runs(system: System) -> None:
    (ready,) = re.findall(r"^ready .*$", system.output, re.MULTILINE)
    assert ready == f"ready http://127.0.0.1:{system.port} http://127.0.0.1:{system.port + 1}"
    listed = await asyncio.to_thread(antiphon, "ps", "--json", "--data-dir", str(system.data_dir))
    running = {one["name"]: one for one in json.loads(listed.stdout)}
    assert running == system.ps()
    assert set(running) == NAMES
    assert all(set(one) == {"name", "pid", "port", "restarts", "started_at"} for one in running.values())
    assert all(alive(one["pid"]) for one in running.values())
    assert running["gateway-2"]["port"] == system.port + 1
    examined = await asyncio.to_thread(antiphon, "doctor", "--llm", "--data-dir", str(system.data_dir))
    assert examined.returncode == 0, examined.stdout
    assert re.search(r"^ok +model answers +offline, first token after \d+ ms$", examined.stdout, re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_takes_less_than_ten_seconds_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    async with whole_system(tmp_path / "data") as system:
        pids = [one["pid"] for one in system.ps().values()]
        assert await asyncio.to_thread(system.stop, number, 10.0) == 0
        assert not any(alive(pid) for pid in pids)


async def test_stop_in_another_terminal_ends_it_and_the_next_start_finds_the_same_servers(tmp_path: Path) -> None:
    place = tmp_path / "data"
    async with whole_system(place) as system:
        before = system.ps()
        stopped = await asyncio.to_thread(antiphon, "stop", "--data-dir", str(place))
        assert stopped.returncode == 0, stopped.stderr
        assert system.popen.wait(1) == 0
    async with whole_system(place) as system:
        after = system.ps()
    assert {name: after[name]["port"] for name in ("nats", "postgres")} == {
        name: before[name]["port"] for name in ("nats", "postgres")
    }


async def test_a_terminal_that_hangs_up_ends_it_but_not_under_nohup(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # children inherit it: all that nohup does
    try:
        async with whole_system(tmp_path / "kept", "--gateways", "1") as system:
            system.popen.send_signal(signal.SIGHUP)
            pid = system.kill("gateway-1")
            await system.back("gateway-1", pid)
    finally:
        signal.signal(signal.SIGHUP, before)
    async with whole_system(tmp_path / "ended", "--gateways", "1") as system:
        assert await asyncio.to_thread(system.stop, signal.SIGHUP, 10.0) == 0


async def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    async with whole_system(tmp_path / "data") as system:
        running = system.ps()
        system.popen.kill()
        system.popen.wait()
    async with whole_system(tmp_path / "data") as system:
        assert not any(alive(one["pid"]) for one in running.values())
        assert set(system.ps()) == NAMES


async def test_more_of_everything_is_a_flag(tmp_path: Path) -> None:
    flags = ["--gateways", "1", "--workers", "2", "--histories", "2"]
    async with whole_system(tmp_path / "data", *flags) as system:
        assert set(system.ps()) == (NAMES - {"gateway-2"}) | {"llm-2", "history-2"}
