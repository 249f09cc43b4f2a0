"""What is started is kept alive, and nothing of it is left afterwards."""

import os
import signal
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from services.ops import errors, ports, probes, state
from services.ops.datadir import DataDir
from services.ops.part import Part
from services.ops.process import Command, spawn
from services.ops.supervisor import Supervisor
from services.ops.terminal import Terminal
from tests.support.eventually import eventually
from tests.support.servers import alive

SERVER = """
    import http.server, sys
    class Ready(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200); self.end_headers()
        def log_message(self, *_): pass
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + textwrap.dedent(SERVER)


def part(name: str, program: str = SERVER, stop_s: float = 3.0) -> Part:
    port = ports.free_port()
    argv = (sys.executable, "-c", textwrap.dedent(program), str(port))
    return Part(name, port, Command(argv), lambda: probes.ready(port), stop_s=stop_s)


def supervisor(path: Path) -> tuple[Supervisor, DataDir]:
    data_dir = DataDir(path)
    data_dir.prepare()
    return Supervisor(data_dir, Terminal(quiet=True)), data_dir


async def test_a_killed_process_is_back_within_a_second_on_its_port(tmp_path: Path) -> None:
    supervising, data_dir = supervisor(tmp_path)
    async with supervising:
        one = part("one")
        await supervising.until_ready(supervising.launch([one]))
        (before,) = state.read(data_dir.state_file)
        os.kill(before.pid, signal.SIGKILL)

        def back() -> bool:
            (now,) = state.read(data_dir.state_file)
            return now.pid != before.pid and now.restarts == 1 and now.port == before.port

        await eventually(back, timeout_s=1.0)
        await eventually(one.is_ready)


async def test_a_start_that_fails_for_whatever_reason_is_tried_again(tmp_path: Path) -> None:
    reasons: list[Exception] = [RuntimeError("a process is in the way"), OSError("no memory")]

    def prepare() -> None:
        if reasons:
            raise reasons.pop()

    supervising, data_dir = supervisor(tmp_path)
    async with supervising:
        await supervising.until_ready(supervising.launch([replace(part("one"), before_start=prepare)]))
        (one,) = state.read(data_dir.state_file)
        assert one.restarts == 2


async def test_a_process_whose_log_was_taken_away_is_started_again_all_the_same(tmp_path: Path) -> None:
    fails_once = f"import pathlib, sys; mark = pathlib.Path({str(tmp_path / 'mark')!r})\n" + textwrap.dedent("""
        if not mark.exists():
            import os
            mark.touch(); os.unlink(sys.argv[2]); sys.exit(3)
    """)
    supervising, data_dir = supervisor(tmp_path / "data")
    one = part("one", fails_once + textwrap.dedent(SERVER))
    argv = (*one.command.argv, str(data_dir.log("one")))
    async with supervising:
        await supervising.until_ready(supervising.launch([replace(one, command=Command(argv))]))
        (running,) = state.read(data_dir.state_file)
        assert running.restarts == 1


async def test_a_terminal_that_is_gone_leaves_no_process_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unread, written = os.pipe()
    os.close(unread)
    with os.fdopen(written, "w") as broken, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", broken)
        data_dir = DataDir(tmp_path)
        data_dir.prepare()
        async with Supervisor(data_dir, Terminal()) as supervising:
            one = part("one")
            await supervising.until_ready(supervising.launch([one]))
            (before,) = state.read(data_dir.state_file)
            os.kill(before.pid, signal.SIGKILL)
            await eventually(lambda: [now.pid for now in state.read(data_dir.state_file)] != [before.pid])
            await eventually(one.is_ready)


async def test_nothing_is_left_afterwards_not_even_a_process_that_ignores_the_signal(tmp_path: Path) -> None:
    supervising, data_dir = supervisor(tmp_path)
    async with supervising:
        await supervising.until_ready(supervising.launch([part("polite"), part("stubborn", STUBBORN, stop_s=0.3)]))
        pids = [one.pid for one in state.read(data_dir.state_file)]
        assert all(alive(pid) for pid in pids)
    assert not any(alive(pid) for pid in pids)
    assert state.read(data_dir.state_file) == []


async def test_groups_stop_in_the_reverse_of_their_order(tmp_path: Path) -> None:
    farewell = "import atexit, signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit())\n"
    record = f"atexit.register(lambda: open({str(tmp_path / 'order')!r}, 'a').write(sys.argv[1] + ' '))\n"
    supervising, _ = supervisor(tmp_path / "data")
    names = [part(name, farewell + record + textwrap.dedent(SERVER)) for name in ("server", "owner", "front")]
    async with supervising:
        for one in names:
            await supervising.until_ready(supervising.launch([one]))
    assert (tmp_path / "order").read_text().split() == [str(one.port) for one in reversed(names)]


async def test_a_part_that_dies_at_every_start_is_given_up_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    supervising, data_dir = supervisor(tmp_path)
    async with supervising:
        broken = supervising.launch([part("broken", "raise SystemExit('the model is missing')")])
        with pytest.raises(errors.NeverReady, match="broken did not become ready") as caught:
            await supervising.until_ready(broken)
    assert str(data_dir.log("broken")) in str(caught.value)
    assert "the model is missing" in capsys.readouterr().out


async def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("elsewhere the next start clears them away")
    program = f"""
        import pathlib, sys, time
        from services.ops.process import Command, spawn
        command = Command((sys.executable, "-c", "import signal; signal.pause()"))
        child = spawn(command, pathlib.Path({str(tmp_path / "log")!r}))
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(child.pid))
        child.wait()
    """
    supervising, _ = supervisor(tmp_path / "data")
    async with supervising:
        argv = (sys.executable, "-c", textwrap.dedent(program))
        (keeper,) = supervising.launch([Part("parent", 0, Command(argv), lambda: probes.ready(1))])
        pid = int(await eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
        assert alive(pid)
        assert keeper.running is not None
        os.kill(keeper.running.pid, signal.SIGKILL)
        await eventually(lambda: not alive(pid), timeout_s=2.0)


def test_a_process_that_is_to_step_back_does(tmp_path: Path) -> None:
    command = Command((sys.executable, "-c", "import signal; signal.pause()"), niceness=7)
    with spawn(command, tmp_path / "log") as process:
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 7
        process.kill()


async def test_what_a_killed_supervisor_left_is_cleared_away_at_the_next_start(tmp_path: Path) -> None:
    first, data_dir = supervisor(tmp_path)
    async with first:
        await first.until_ready(first.launch([part("one")]))
        left = state.read(data_dir.state_file)
        second, _ = supervisor(tmp_path)
        async with second:
            assert not alive(left[0].pid) or state.read(data_dir.state_file) == []
