"""`antiphon up`: from nothing to a running system, and back to nothing."""

import asyncio
import json
import re
import signal
import time
from pathlib import Path

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


async def test_however_it_ends_it_takes_less_than_ten_seconds_and_the_next_start_finds_the_same(tmp_path: Path) -> None:
    place, servers, left = tmp_path / "data", set(), []

    async def ended(system: System, how: signal.Signals | None) -> int:
        if how is not None:
            return await asyncio.to_thread(system.stop, how, 10.0)
        stopped = await asyncio.to_thread(antiphon, "stop", "--data-dir", str(place))
        return stopped.returncode or system.popen.wait(1)

    for how in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL, None):
        async with whole_system(place) as system:
            running = system.ps()
            assert not any(alive(pid) for pid in left), "not even what a killed supervisor left"
            assert set(running) == NAMES
            servers.add((running["nats"]["port"], running["postgres"]["port"]))
            left = [one["pid"] for one in running.values()]
            assert await ended(system, how) == (-how if how == signal.SIGKILL else 0)
            assert how == signal.SIGKILL or not any(alive(pid) for pid in left)
    assert len(servers) == 1


async def test_under_nohup_a_terminal_that_hangs_up_ends_nothing(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # children inherit it: all that nohup does
    try:
        async with whole_system(tmp_path / "data", "--gateways", "1") as system:
            system.popen.send_signal(signal.SIGHUP)
            pid = system.kill("gateway-1")
            await system.back("gateway-1", pid)
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_more_of_everything_is_a_flag_and_a_directory_may_have_any_name(tmp_path: Path) -> None:
    flags = ["--gateways", "1", "--workers", "2", "--histories", "2"]
    async with whole_system(tmp_path / 'Jörgs "Gespräche" тут', *flags) as system:
        assert set(system.ps()) == (NAMES - {"gateway-2"}) | {"llm-2", "history-2"}
